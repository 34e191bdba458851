// Who may import whom. The picture of it is in ARCHITECTURE.md; this is the rule.
import { dirname, join } from "node:path";
import { importsOf, type Source } from "./source.ts";

interface Layer {
  readonly name: string;
  /** The files of the layer: a folder with `/` at its end, or one file. */
  readonly files: readonly string[];
  /** Layers that every file of it may import, besides its own, `errors` and `units`. */
  readonly may: readonly string[];
  /** What single files may import beyond that: layers or files. */
  readonly also?: Readonly<Record<string, readonly string[]>>;
  /** Packages and runtime modules that only some layers may use; `node:` stands for all of Node's. */
  readonly packages?: readonly string[];
}

const LAYERS: readonly Layer[] = [
  {
    name: "main", files: ["src/main.ts"], may: ["cli", "commands", "log"], packages: ["node:"],
    also: { "src/main.ts": ["src/ffi/notify.ts", "src/ffi/probe.ts", "src/ffi/writable.ts", "package.json"] },
  },
  { name: "cli", files: ["src/cli.ts"], may: ["commands"], also: { "src/cli.ts": ["src/config/nearest.ts"] }, packages: ["clipanion", "node:"] },
  {
    name: "commands", files: ["src/commands/"], may: ["client", "protocol", "metrics", "config", "log"], packages: ["clipanion", "node:"],
    also: {
      "src/commands/daemon.ts": ["src/daemon/start.ts", "src/daemon/detach.ts"],
      "src/commands/generate.ts": ["docs"],
      "src/commands/completion.ts": ["docs"],
      "src/commands/struct-offsets.ts": ["src/memory/struct-offsets.ts", "src/memory/kernel-folders.ts"],
      "src/commands/probe.ts": ["memory"],
      "src/commands/plugin-host.ts": ["plugin", "src/memory/kernel-folders.ts"],
      "src/commands/doctor.ts": ["memory"],
      "src/commands/doctor/report.ts": ["memory"],
      "src/commands/obj/check.ts": ["src/daemon/objects.ts", "src/daemon/check.ts", "src/memory/nodes.ts"],
      "src/commands/top.ts": ["src/memory/machine.ts"],
      "src/commands/demo.ts": ["memory"],
      "src/commands/demo/report.ts": ["memory"],
      "src/commands/demo/stage.ts": ["memory"],
      "src/commands/workload.ts": ["memory"],
      "src/commands/workload/plan.ts": ["memory"],
      "src/commands/workload/touching.ts": ["memory"],
    },
  },
  { name: "client", files: ["src/client.ts"], may: ["protocol"], packages: ["node:"] },
  { name: "protocol", files: ["src/protocol.ts", "src/status.ts", "src/plan.ts", "src/picture.ts", "src/reload-step.ts"], may: [] },
  { name: "metrics", files: ["src/metrics/"], may: ["protocol"] },
  { name: "docs", files: ["src/docs/"], may: ["engines", "config"], packages: ["node:"] },
  {
    name: "daemon", files: ["src/daemon/"], packages: ["node:"],
    may: [
      "engines", "config", "protocol", "metrics", "log",
      "src/memory/memory.ts", "src/memory/placing.ts", "src/memory/placing-brake.ts", "src/memory/pace.ts", "src/memory/brake-watch.ts",
      "src/memory/pause.ts",
      "src/memory/refault-goal.ts",
      "src/memory/plan-counts.ts",
    ],
    also: {
      "src/daemon/start.ts": ["memory", "src/ffi/notify.ts", "src/ffi/self.ts"],
      "src/daemon/round-worker.ts": ["memory"],
      "src/daemon/round.ts": ["src/memory/throttle.ts", "src/memory/tally.ts"],
      "src/daemon/goal-step.ts": ["src/memory/spread.ts", "src/memory/page-runs.ts"],
      "src/daemon/server.ts": ["src/ffi/peer.ts"],
      "src/daemon/host-process.ts": ["plugin"],
      "src/daemon/orphans.ts": ["src/plugin/process-group.ts"],
      "src/daemon/plugin-engine.ts": ["src/plugin/messages.ts", "src/plugin/library-file.ts"],
      "src/daemon/check.ts": ["src/plugin/library-file.ts"],
      "src/daemon/glance.ts": ["src/memory/heat-map.ts"],
      "src/daemon/scan-wire.ts": ["src/memory/heat-map.ts"],
      "src/daemon/distant-policy.ts": ["src/plugin/heat-bytes.ts", "src/memory/page-runs.ts"],
      "src/daemon/state-dir.ts": ["src/ffi/record-lock.ts"],
      "src/daemon/notify.ts": ["src/ffi/notify.ts", "src/ffi/self.ts"],
      "src/daemon/detach.ts": ["src/ffi/notify.ts", "src/ffi/self.ts"],
    },
  },
  {
    name: "engines", files: ["src/engines/"], may: ["config", "src/memory/memory.ts"],
  },
  {
    name: "plugin", files: ["src/plugin/"], packages: ["node:"],
    may: ["proc", "ffi", "config", "src/memory/memory.ts", "src/memory/heat-map.ts", "src/memory/page-runs.ts"],
  },
  { name: "memory", files: ["src/memory/"], may: ["proc", "ffi", "log"], packages: ["node:"] },
  { name: "config", files: ["src/config/"], may: [], packages: ["ini", "smol-toml", "node:"] },
  { name: "proc", files: ["src/proc/"], may: [], packages: ["node:"] },
  { name: "ffi", files: ["src/ffi/"], may: [], packages: ["bun:ffi", "node:"] },
  { name: "log", files: ["src/log.ts"], may: [], packages: ["node:"] },
  { name: "errors", files: ["src/errors.ts"], may: [], packages: ["node:"] },
  { name: "units", files: ["src/units.ts"], may: [] },
];

const EVERYBODY = ["errors", "units"];

/** Each import that its layer does not allow, and each file that lies in no layer. */
export function layerProblems(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const layer = layerOf(source.path);
    if (layer === undefined) return [`${source.path} lies in no layer`];
    const refused = importsOf(source).filter((name) => !allowed(source.path, layer, name));
    return refused.map((name) => `${source.path} (${layer.name}) must not import ${name}`);
  });
}

function layerOf(path: string): Layer | undefined {
  return LAYERS.find(({ files }) => files.some((file) => matches(path, file)));
}

function matches(path: string, fileOrFolder: string): boolean {
  return fileOrFolder.endsWith("/") ? path.startsWith(fileOrFolder) : path === fileOrFolder;
}

function allowed(path: string, layer: Layer, name: string): boolean {
  if (!name.startsWith(".")) {
    return (layer.packages ?? []).some((known) => (known.endsWith(":") ? name.startsWith(known) : name === known));
  }
  const target = join(dirname(path), name);
  const targetLayer = layerOf(target)?.name;
  if (targetLayer === layer.name) return true;
  const reach = [...layer.may, ...(layer.also?.[path] ?? []), ...EVERYBODY.filter(() => !EVERYBODY.includes(layer.name))];
  return reach.some((allowedName) => allowedName === targetLayer || allowedName === target);
}

/** Each circle of imports, types included, as `a → b → a`. */
export function cycleProblems(sources: readonly Source[]): string[] {
  const targets = new Map(sources.map((source) => [
    source.path, importsOf(source).filter((name) => name.startsWith(".")).map((name) => join(dirname(source.path), name)),
  ]));
  const done = new Set<string>();
  const problems: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) problems.push([...trail.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return problems;
}
