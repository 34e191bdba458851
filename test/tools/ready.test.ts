import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const project = join(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "etmem-ready-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

/** A checkout with an npm that installs as the real one does without install scripts: the `bun` package is a stub that fails. */
function checkout(): { run(): { status: number; calls: string[] } } {
  for (const name of ["tools", "bin"]) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(join(project, "tools/ready"), join(folder, "tools/ready"));
  writeFileSync(join(folder, "package-lock.json"), "{}");
  const calls = join(folder, "calls");
  const platform = process.arch === "arm64" ? "linux-aarch64" : "linux-x64";
  script(join(folder, "bin/bun"), `echo "bun $*" >>${calls}; echo 1.4.5`);
  script(join(folder, "bin/npm"), `echo "npm $1" >>${calls}; rm -rf node_modules
    mkdir -p node_modules/.bin node_modules/bun/bin node_modules/@oven/bun-${platform}/bin
    echo 'exit 1' >node_modules/bun/bin/bun.exe; chmod +x node_modules/bun/bin/bun.exe
    ln -s ../bun/bin/bun.exe node_modules/.bin/bun; cp ${join(folder, "bin/bun")} node_modules/@oven/bun-${platform}/bin/`);
  return {
    run: () => {
      writeFileSync(calls, "");
      const { exitCode } = Bun.spawnSync(["sh", join(folder, "tools/ready")], { env: { PATH: `${folder}/bin:${process.env["PATH"]}` }, cwd: "/" });
      return { status: exitCode, calls: readFileSync(calls, "utf8").trim().split("\n").filter((call) => call !== "bun --version") };
    },
  };
}

test("a fresh checkout is installed once, its stub of Bun replaced, and again when the lock file changes", () => {
  const { run } = checkout();
  const build = "bun tools/build.ts --if-changed";
  expect(run()).toEqual({ status: 0, calls: ["npm ci", build] });
  expect(run()).toEqual({ status: 0, calls: [build] });
  writeFileSync(join(folder, "package-lock.json"), "{ }");
  expect(run()).toEqual({ status: 0, calls: ["npm ci", build] });
  rmSync(join(folder, "node_modules/bun/bin/bun.exe"));
  script(join(folder, "node_modules/bun/bin/bun.exe"), "exit 1");
  expect(run()).toEqual({ status: 0, calls: [build] });
  rmSync(join(folder, "node_modules"), { recursive: true });
  expect(run()).toEqual({ status: 0, calls: ["npm ci", build] });
});

test("with nothing to do it says nothing and takes less than a second", () => {
  const command = ["sh", join(project, "tools/ready"), "test"];
  Bun.spawnSync(command);
  const began = performance.now();
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  expect({ exitCode, said: `${stdout}${stderr}` }).toEqual({ exitCode: 0, said: "" });
  expect(performance.now() - began).toBeLessThan(1000);
});
