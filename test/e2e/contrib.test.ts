// What is there for fleets: it parses, names only what exists, and the DaemonSet's daemon runs as Kubernetes would start it.
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { etmem, executable, freshSocket, Lab, until } from "./harness.ts";

const project = join(import.meta.dir, "../.."), contrib = join(project, "contrib");
const textOf = (path: string): string => readFileSync(join(contrib, path), "utf8");
const lab = new Lab();
afterEach(() => lab.close());

const yamlFiles = [...new Bun.Glob("**/*.{yaml,yml}").scanSync({ cwd: contrib })].sort();
const options = async (): Promise<string> => (await etmem(["daemon", "--help"])).stdout;
const unit = readFileSync(join(project, "rpm/etmemd.service"), "utf8");
const unitCapabilities = (/^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1] ?? "").split(" ").map((name) => name.replace("CAP_", ""));

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly securityContext: {
    readonly privileged?: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface DaemonSet {
  readonly kind: "DaemonSet";
  readonly spec: { readonly template: { readonly spec: {
    readonly hostPID: boolean;
    readonly containers: readonly [Container];
    readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string; readonly defaultMode: number } }[];
  } } };
}

interface ConfigMap {
  readonly kind: "ConfigMap";
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
}

const documents = (Bun.YAML.parse(textOf("kubernetes/daemonset.yaml")) as ({ readonly kind: "Namespace" } | ConfigMap | DaemonSet)[]);
const pod = documents.find((one) => one.kind === "DaemonSet")?.spec.template.spec;
const configMap = documents.find((one) => one.kind === "ConfigMap");
const container = pod?.containers[0];

test.each(yamlFiles)("%s is YAML", (path) => {
  expect(Bun.YAML.parse(textOf(path))).toBeTruthy();
});

needs(missingPrograms("python3") ?? (Bun.spawnSync(["python3", "-c", "import yaml"]).success ? undefined : "needs python3-yaml"))(
  "another parser agrees about every file", () => {
    const program = "import json,sys,yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    for (const path of yamlFiles) {
      const { stdout } = Bun.spawnSync(["python3", "-c", program, join(contrib, path)]);
      const ours = Bun.YAML.parse(textOf(path));
      const theirs = JSON.parse(stdout.toString()) as unknown[];
      if (path !== "kubernetes/daemonset.yaml") expect(theirs).toEqual([ours]);
      else expect(theirs).toHaveLength(documents.length);
    }
  },
);

describe("the DaemonSet", () => {
  test("has the unit's capabilities and no more, and is not privileged", () => {
    expect(container?.securityContext.capabilities.drop).toEqual(["ALL"]);
    expect(container?.securityContext.capabilities.add).toEqual(unitCapabilities);
    expect(container?.securityContext.privileged).toBeUndefined();
    expect(pod?.hostPID).toBe(true);
    expect(pod?.volumes.find((volume) => volume.configMap)?.configMap?.defaultMode).toBe(0o400);
  });

  test("gives only options that there are, and only paths that are mounted", async () => {
    const known = await options();
    for (const word of container?.args.filter((arg) => arg.startsWith("-")) ?? []) expect(known).toMatch(new RegExp(`(?:^|\\s)${word}[, ]`));
    const mounted = container?.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of container?.args.filter((arg) => arg.startsWith("/")) ?? []) expect(mounted).toContain(path);
    expect(container?.volumeMounts.map(({ name }) => name).sort()).toEqual(pod?.volumes.map(({ name }) => name).sort());
  });

  test("has the version of the program", () => {
    expect(container?.image).toBe(`etmem:${packageJson.version}`);
    expect(textOf("container/Containerfile")).toContain(`-t etmem:${packageJson.version} .`);
  });

  const missing = notRoot() ?? missingPrograms("unshare", "setpriv", "mount");
  needs(missing)("runs as Kubernetes would start it: its capabilities, its mounts, its files as links", async () => {
    const place = lab.folder(), conf = join(place, "etc/etmem/conf.d"), socket = freshSocket();
    for (const path of ["host/proc", "host/sys", "var/lib", "etc/etmem/conf.d/..2026"]) mkdirSync(join(place, path), { recursive: true });
    for (const [name, text] of Object.entries(configMap?.data ?? {})) {
      writeFileSync(join(conf, "..2026", name), text);
      chmodSync(join(conf, "..2026", name), pod?.volumes.find((volume) => volume.configMap)?.configMap?.defaultMode ?? 0);
      symlinkSync(`..data/${name}`, join(conf, name));
    }
    symlinkSync("..2026", join(conf, "..data"));
    const args = container?.args.map((arg) => (arg === "etmemd_socket" ? socket : arg.startsWith("/") ? join(place, arg) : arg)) ?? [];
    const kept = (container?.securityContext.capabilities.add ?? []).map((name) => `,+${name.toLowerCase()}`).join("");
    const mounts = `mount --rbind /proc ${place}/host/proc && mount --rbind /sys ${place}/host/sys`;
    const command = `${mounts} && exec setpriv --no-new-privs --bounding-set=-all${kept} "$@"`;
    const daemon = Bun.spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", command, "sh", executable(), "daemon", ...args], {
      stdin: "ignore", stdout: "ignore", stderr: "pipe",
    });
    const log = new Response(daemon.stderr).text();
    try {
      await until("the daemon answers", async () => daemon.exitCode !== null || (await etmem(["project", "show", "-s", socket])).status === 0);
      await until("its task looks for processes", async () => {
        const shown = (await etmem(["project", "show", "--json", "-s", socket])).stdout;
        return daemon.exitCode !== null || shown.includes("waiting for a process of name redis-server");
      }, 30_000);
      expect((await etmem(["reload", "-s", socket])).stdout).toBe("unchanged 3\n");
    } finally {
      daemon.kill();
    }
    expect([await daemon.exited, (await log).split("\n").filter((line) => line.includes("error"))]).toEqual([0, []]);
  });
});

describe("the Containerfile", () => {
  const lines = textOf("container/Containerfile").split("\n");
  const list = (word: string): string[] => JSON.parse(lines.find((line) => line.startsWith(`${word} `))?.slice(word.length) ?? "[]") as string[];

  test("copies files that there are after a build", () => {
    executable();
    const sources = lines.flatMap((line) => /^COPY (?:--\S+ )*(\S+) /.exec(line)?.[1] ?? []);
    expect(sources).toEqual(["dist/etmem", "LICENSE"]);
    for (const source of sources) expect(existsSync(join(project, source))).toBe(true);
  });

  test("starts the daemon as the unit does", () => {
    const [start = ""] = /^ExecStart=.*$/m.exec(unit) ?? [];
    expect(`ExecStart=${[...list("ENTRYPOINT"), ...list("CMD")].join(" ")}`).toBe(start);
  });
});

describe("the Ansible role", () => {
  const role = "ansible/roles/etmem";
  const tasks = Bun.YAML.parse(textOf(`${role}/tasks/main.yml`)) as Record<string, unknown>[];
  const handlers = Bun.YAML.parse(textOf(`${role}/handlers/main.yml`)) as { name: string }[];

  test("notifies only handlers that there are, and sets the defaults that it reads", () => {
    const notified = tasks.flatMap((task) => task["notify"] ?? []);
    for (const name of notified) expect(handlers.map((handler) => handler.name)).toContain(String(name));
    const read = new Set(textOf(`${role}/tasks/main.yml`).match(/\betmem_(?:package|files|purge)\b/g));
    expect(Object.keys(Bun.YAML.parse(textOf(`${role}/defaults/main.yml`)) as object).sort()).toEqual([...read].sort());
  });

  test("validates with a command that takes a right file and refuses a wrong one, as Ansible lays it down", async () => {
    const [validate = ""] = textOf(`${role}/tasks/main.yml`).match(/(?<=validate: ).*/) ?? [];
    const [program, ...words] = validate.split(" ");
    expect(program).toBe("/usr/bin/etmem");
    const play = Bun.YAML.parse(textOf("ansible/example.yml")) as { roles: { vars: { etmem_files: Record<string, string> } }[] }[];
    const [text = ""] = Object.values(play[0]?.roles[0]?.vars.etmem_files ?? {});
    const check = async (content: string) => await etmem(words.map((word) => (word === "%s" ? lab.configFile(content, ".ansible_tmp") : word)));
    expect(await check(text)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect((await check(text.replace("loop=", "lop="))).status).toBe(2);
  });
});
