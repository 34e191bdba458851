// libetmemd_scan.so, driven by a small program in C: over files laid out as openEuler's module writes them, and beside a tracker on a socket.
import { afterAll, describe, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBelow } from "../../src/memory/random.ts";
import { buildScanLibrary } from "../../tools/native.ts";
import { BASE, ModuleRoot, vmaLine } from "../memory/module-root.ts";
import { decodePlainly } from "../memory/second-decoder.ts";
import { missingPrograms, needs } from "../needs.ts";

const withCompiler = needs(missingPrograms("cc"));
const folder = mkdtempSync(join(tmpdir(), "etmem-native-"));
const roots: ModuleRoot[] = [];
afterAll(() => {
  rmSync(folder, { recursive: true });
  for (const root of roots) root.remove();
});

/** The driver with the library, built once for each set of sanitizers. */
const drivers = new Map<string, string>();
function driver(sanitizers = ""): string {
  const known = drivers.get(sanitizers);
  if (known !== undefined) return known;
  const flags = sanitizers === "" ? [] : [`-fsanitize=${sanitizers}`, "-g"], at = join(folder, sanitizers.replaceAll(",", "-") || "plain");
  buildScanLibrary(join(at, "libetmemd_scan.so"), { flags });
  const program = join(at, "run"), source = join(import.meta.dir, "scan-run.c");
  const built = Bun.spawnSync([
    "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", ...flags, source, "-o", program, `-L${at}`, "-letmemd_scan", `-Wl,-rpath,${at}`, "-pthread",
  ], { stderr: "pipe" });
  if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  drivers.set(sanitizers, program);
  return program;
}

function drive(words: readonly (string | number)[], { proc, sanitizers }: { proc?: string; sanitizers?: string } = {}) {
  const env = { ...(proc === undefined ? {} : { ETMEM_PROC: proc }), TSAN_OPTIONS: "halt_on_error=1", ASAN_OPTIONS: "detect_leaks=1" };
  const { exitCode, stdout, stderr } = Bun.spawnSync([driver(sanitizers), ...words.map(String)], { env, stdout: "pipe", stderr: "pipe" });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

function machine(...maps: readonly string[]): ModuleRoot {
  const root = new ModuleRoot(maps);
  roots.push(root);
  return root;
}

function line(page: number, count: number, type = 0): string {
  return `${(BASE + page * 4096).toString(16)} ${count} ${type}\n`;
}

describe("what the module says", () => {
  withCompiler("is a list of pages with their weights, in order", () => {
    const root = machine(vmaLine(0, 64));
    root.says(0, 0x52, 0x02, 0x8a, 0x31);
    const { code, out, err } = drive(["list", root.pid, 0, 1], { proc: root.root.proc });
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: line(0, 0) + line(1, 0) + line(2, 1) + line(3, 1) + line(14, 3) });
  });

  withCompiler("adds up over calls on one list", () => {
    const root = machine(vmaLine(0, 64), vmaLine(64, 96));
    root.says(0, 0x01, 0x51);
    const { out } = drive(["list", root.pid, 0, 3], { proc: root.root.proc });
    expect(out).toBe(line(0, 3) + line(1, 0));
  });

  withCompiler("has huge pages as one entry of their own type", () => {
    const root = machine(vmaLine(0, 2048));
    root.says(0, 0x61, 0x91, 0x11, 0x51);
    expect(drive(["list", root.pid, 0, 1], { proc: root.root.proc }).out).toBe(line(0, 0, 1) + line(1024, 1, 1) + line(1536, 0));
  });

  withCompiler("that lies beyond an area belongs to the next one, or to none", () => {
    const root = machine(vmaLine(0, 8), vmaLine(16, 24));
    root.says(0, 0x5f, 0x59);
    const pages = drive(["list", root.pid, 0, 1], { proc: root.root.proc }).out.split("\n").length - 1;
    expect(pages).toBe(16);
  });

  const DAMAGED = [[0xa5], [0xf1], [0x50], [0xb1], [0x51, 0x61]];
  withCompiler("that is damaged is an error and no page", () => {
    for (const bytes of DAMAGED) {
      const root = machine(vmaLine(0, 1024));
      root.says(0, ...bytes);
      const answer = drive(["list", root.pid, 0, 1], { proc: root.root.proc });
      expect({ bytes, ...answer }).toEqual({ bytes, code: 1, out: "", err: "etmemd_get_page_refs: Input/output error\n" });
    }
  });

  withCompiler("in 200 random encodings is what a second decoder reads in them", () => {
    const below = randomBelow(7), kinds = [0, 3, 5, 8];
    for (let n = 0; n < 200; n++) {
      const root = machine(vmaLine(0, 4096)), first = below(100);
      const items = Array.from({ length: 1 + below(40) }, () => (kinds[below(4)]! << 4) | (1 + below(15)));
      const bytes = new Uint8Array(9 + items.length);
      bytes[0] = 0xa0;
      new DataView(bytes.buffer).setBigUint64(1, BigInt(BASE + first * 4096));
      bytes.set(items, 9);
      root.put("idle_pages", BASE, bytes);
      const weights = new Map([[0, 1], [3, 3], [5, 0]]);
      const expected = decodePlainly(bytes)!.items.map(({ address, kind }) => `${address.toString(16)} ${weights.get(kind)} 0\n`).join("");
      expect(drive(["list", root.pid, 0, 1], { proc: root.root.proc }).out).toBe(expected);
      root.remove();
      roots.pop();
    }
  });

  withCompiler("is told to eight threads at once, under the thread sanitizer", () => {
    const root = machine(vmaLine(0, 4096));
    root.says(0, ...Array.from({ length: 200 }, (_, i) => (i % 2 ? 0x5f : 0x0f)));
    expect(drive(["threads", root.pid, 8, 25], { proc: root.root.proc, sanitizers: "thread" })).toEqual({ code: 0, out: "", err: "" });
  });

  withCompiler("leaves nothing behind in 1,000 cycles, under the address sanitizer", () => {
    const root = machine(vmaLine(0, 4096));
    root.says(0, ...Array.from({ length: 50 }, (_, i) => (i % 2 ? 0x5f : 0x0f)));
    expect(drive(["threads", root.pid, 1, 1000], { proc: root.root.proc, sanitizers: "address,undefined" })).toEqual({ code: 0, out: "", err: "" });
  });
});

describe("without the module", () => {
  withCompiler("nothing is seen, and errno says so", () => {
    expect(drive(["list", process.pid, 0, 1])).toEqual({ code: 1, out: "", err: "etmemd_get_page_refs: No such device\n" });
  });

  withCompiler("a tracker on the socket is asked, by eight threads one after another", () => {
    expect(drive(["asked", 8, 100], { sanitizers: "thread" })).toEqual({ code: 0, out: "", err: "" });
  });

  withCompiler("a tracker on the socket is asked 1,000 times without a leak", () => {
    expect(drive(["asked", 1, 1000], { sanitizers: "address,undefined" })).toEqual({ code: 0, out: "", err: "" });
  });
});

describe("memory areas", () => {
  const own = (...words: readonly (string | number)[]) => drive(["areas", ...words]);

  withCompiler("are the lines of maps", async () => {
    const waiting = Bun.spawn(["cat"], { stdin: "pipe", stdout: "pipe" });
    try {
      waiting.stdin.write("loaded");
      waiting.stdin.flush();
      await waiting.stdout.getReader().read();
      const maps = readFileSync(`/proc/${waiting.pid}/maps`, "utf8").trimEnd().split("\n");
      const found = own(waiting.pid, 0).out.trimEnd().split("\n");
      expect(found.map((area) => area.split(" ")[0])).toEqual(maps.map((text) => text.split(" ")[0]!.replace(/^0+|(?<=-)0+/g, "")));
      expect(found.find((area) => area.includes("[stack]"))).toMatch(/ 1100 0 \[stack\]$/);
    } finally {
      waiting.kill();
    }
  });

  withCompiler("can be those that are anonymous, or have a flag", () => {
    const anonymous = own(process.pid, 1).out.split("\n"), growing = own(process.pid, 0, "gd").out.trimEnd().split("\n");
    expect(anonymous.some((area) => area.includes("[heap]") || area.includes("[stack]"))).toBe(true);
    expect(anonymous.some((area) => /^\S+ ..1/.test(area))).toBe(false);
    expect(growing.some((area) => area.includes("[stack]"))).toBe(true);
  });

  const STRANGE = [["../1", "Invalid argument"], ["", "Invalid argument"], ["4294967295", "No such file or directory"]] as const;
  withCompiler("of what is no process are refused", () => {
    for (const [pid, says] of STRANGE) expect(own(pid, 0)).toEqual({ code: 1, out: "", err: `etmemd_get_vmas: ${says}\n` });
  });

  withCompiler("of flags that are none are refused", () => {
    for (const flag of ["h", "htt", " h"]) expect(own(process.pid, 0, flag).err).toBe("etmemd_get_vmas: Invalid argument\n");
  });
});
