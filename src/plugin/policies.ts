// A policy in TypeScript or JavaScript: loaded from the text of its checked file, asked as a built-in engine is, its keys checked by its own tables.
import { fstatSync, readSync } from "node:fs";
import { choice, decimal, int, size, text, yesNo } from "../config/field.ts";
import type { RawSection } from "../config/raw.ts";
import { readSection, type Fields } from "../config/section.ts";
import { taskFields } from "../config/task.ts";
import { EtmemError } from "../errors.ts";
import { becomeUser, dieWithParent } from "../ffi/confinement.ts";
import type { GateAnswer, PageRuns, ProcessView, Question, Sight, SystemView } from "../memory/memory.ts";
import { HeatMap } from "../memory/heat-map.ts";
import { RunBuilder } from "../memory/page-runs.ts";
import { MAX_TEXT, MAX_TEXTS } from "./frames.ts";
import { bytesOfRuns, heatOf } from "./heat-bytes.ts";
import { MAX_POLICY_BYTES } from "./library-file.ts";
import type { Ask, EngineFacts, Entries, Findings, HostCalls, KeyFinding, TaskFacts } from "./messages.ts";

/** What a policy gets when it is loaded, the Etmem of examples/etmem.d.ts: it cannot import anything of ours. */
export const KIT = { int, decimal, text, choice, yesNo, size, policy: <P>(policy: P): P => policy, runs: () => new RunBuilder() };

interface Config {
  readonly project: Readonly<Record<string, unknown>>;
  readonly engine: Readonly<Record<string, unknown>>;
  readonly task: Readonly<Record<string, unknown>>;
}

/** As etmem.d.ts has it; all but `decide` may be absent, and each may answer later. */
interface Policy {
  readonly fields?: { readonly engine?: Fields; readonly task?: Fields };
  refusal?(config: Config, sight: Sight): Later<string | undefined>;
  cautions?(config: Config, sight: Sight): Later<readonly string[]>;
  gate?(config: Config, system: SystemView, process: ProcessView): Later<GateAnswer>;
  question?(config: Config, sight: Sight): Later<Question>;
  decide(heat: HeatMap, config: Config, seen: { readonly question: Question; readonly process: ProcessView }): Later<{ readonly swapOut: PageRuns }>;
}

type Later<T> = T | Promise<T>;

export interface PolicyPlace {
  readonly fd: number;
  readonly path: string;
  /** Name of the export. */
  readonly name: string;
}

/**
 * A policy has a user of its own, this number and its process's (at most 2 ** 22): with one for all, or with "nobody", each could send signals to the
 * others, and to whatever else runs as nobody, change their limits and use up what a user may have. Up to 2 ** 31 nobody gives these to anybody:
 * https://systemd.io/UIDS-GIDS
 */
const FIRST_USER = 0x7e000000;
const USER_ADVICE = {
  EPERM: "a policy runs as another user, which needs CAP_SETUID and CAP_SETGID: /usr/share/etmem/policies.conf gives them to the unit",
  EINVAL: `a policy runs as a user of its own from ${FIRST_USER} on, which this user namespace does not have: map them, or run the daemon outside`,
} as const;
/** Keys of the sections that are not the policy's. */
const OWN_KEYS = {
  engine: ["name", "engine", "project", "eng_name", "libname", "ops_name"],
  task: Object.keys(taskFields),
} as const;

export class Policies {
  readonly functions: readonly string[];
  readonly #policy: Policy;
  readonly #configs = new Map<string, Config>();

  private constructor(policy: Policy) {
    this.#policy = policy;
    const names = Object.keys(policy).filter((name) => typeof policy[name as keyof Policy] === "function");
    this.functions = names.slice(0, MAX_TEXTS).map(short);
  }

  static async load({ fd, path, name }: PolicyPlace): Promise<Policies> {
    const source = readSource(fd, path);
    becomeUser(FIRST_USER + process.pid, USER_ADVICE);
    dieWithParent(); // becoming another user has undone it
    const module = await importText(source, path);
    const made: unknown = module[name];
    if (made === undefined) throw new EtmemError(`${path} exports no ${name}: ops_name must be the name of its policy`);
    const policy = (typeof made === "function" ? (made as (kit: typeof KIT) => unknown)(KIT) : made) as Partial<Policy> | null;
    if (typeof policy?.decide !== "function") throw new EtmemError(`${path}: ${name} is no policy: it has no function decide`);
    return new Policies(policy as Policy);
  }

  async answer({ call, asked }: Ask, bytes: Uint8Array): Promise<{ readonly answer: unknown; readonly bytes?: Uint8Array }> {
    if (call === "decide") return await this.#decide(asked as HostCalls["decide"]["asked"], bytes);
    return { answer: await this.#ask(call, asked as never) };
  }

  async #ask(call: Ask["call"], asked: never): Promise<unknown> {
    switch (call) {
      case "addEngine": return this.#addEngine(asked);
      case "addTask": return this.#addTask(asked);
      case "removeTask":
        this.#configs.delete((asked as { id: string }).id);
        return null;
      case "removeEngine": case "startTask": case "stopTask": return null;
      case "refusal": return await this.#refusal(asked);
      case "gate": return await this.#gate(asked);
      case "question": return await this.#question(asked);
      default: throw new EtmemError("a policy has no commands");
    }
  }

  #addEngine({ written }: EngineFacts): null {
    const { problems } = this.#read("engine", written);
    if (problems.length > 0) throw new EtmemError(problems.map(({ says }) => says).join("; "));
    return null;
  }

  #addTask({ id, written, projectValues, ...task }: TaskFacts): Findings {
    const engine = this.#read("engine", written.engine), own = this.#read("task", written.task);
    const usual = { name: task.name, type: task.type, value: task.value, swap_flag: task.swapFlag, max_threads: task.maxThreads };
    const problems = [...engine.problems, ...own.problems];
    if (problems.length === 0) this.#configs.set(id, { project: projectValues, engine: engine.values, task: { ...usual, ...own.values } });
    return { problems: few(problems), warnings: few([...engine.warnings, ...own.warnings]) };
  }

  /** Lines of the section stand for the entries of the message: the daemon knows where they are. */
  #read(name: "engine" | "task", written: Entries): Findings & { readonly values: Readonly<Record<string, unknown>> } {
    const ours: readonly string[] = OWN_KEYS[name];
    const entries = written.map(([key, value], i) => ({ key, value, written: value, line: i + 1, column: 1, valueColumn: 1 }));
    const raw = { name, line: 0, column: 1, entries: entries.filter(({ key }) => !ours.includes(key)) } as unknown as RawSection;
    const { values, problems, warnings } = readSection(raw, this.#policy.fields?.[name] ?? {});
    const found = ({ line, says }: { line: number; says: string }): KeyFinding => ({ section: name, entry: line === 0 ? null : line - 1, says });
    return { values, problems: problems.map(found), warnings: warnings.map(found) };
  }

  async #refusal({ id, sight }: HostCalls["refusal"]["asked"]): Promise<HostCalls["refusal"]["answer"]> {
    const config = this.#config(id);
    const refusal = (await this.#policy.refusal?.(config, sight)) ?? null;
    const cautions = (await this.#policy.cautions?.(config, sight)) ?? [];
    return { refusal: refusal === null ? null : short(refusal), cautions: cautions.slice(0, MAX_TEXTS).map(short) };
  }

  async #gate({ id, system, process }: HostCalls["gate"]["asked"]): Promise<GateAnswer> {
    if (system.swapTotalBytes === 0) return { go: false, reason: "there is no swap: swapon a zram device or a disk" };
    const answer = (await this.#policy.gate?.(this.#config(id), system, process)) ?? { go: true };
    return answer.go ? { go: true } : { go: false, reason: short(answer.reason) };
  }

  async #question({ id, sight }: HostCalls["question"]["asked"]): Promise<Question> {
    const config = this.#config(id), loop = Number(config.project["loop"]);
    const { windows, threshold } = (await this.#policy.question?.(config, sight)) ?? { windows: Math.max(2, loop), threshold: loop };
    if (!isWhole(windows, 2, 120)) throw new EtmemError(`question gives windows=${windows}; it must be an integer, 2..120`);
    if (!isWhole(threshold, 0, Infinity)) throw new EtmemError(`question gives threshold=${threshold}; it must be an integer, 0 or more`);
    return { windows, threshold };
  }

  async #decide({ id, question, process, heat }: HostCalls["decide"]["asked"], bytes: Uint8Array) {
    const moves = await this.#policy.decide(heatOf(heat, bytes), this.#config(id), { question, process });
    const { from, to } = moves?.swapOut ?? {};
    if (!(from instanceof Float64Array) || !(to instanceof Float64Array) || from.length !== to.length) {
      throw new EtmemError("decide must give { swapOut: runs }, as heat.runsBelow() or etmem.runs() makes them");
    }
    if (from.length > bytes.length) throw new EtmemError(`decide gives ${from.length} runs, which is more than there are pages`);
    return { answer: { runs: from.length }, bytes: bytesOfRuns({ from, to }) };
  }

  #config(id: string): Config {
    const config = this.#configs.get(id);
    if (config === undefined) throw new EtmemError(`no task ${id} has been added`);
    return config;
  }
}

/** The daemon takes no longer answers. */
const short = (text: unknown): string => String(text).slice(0, MAX_TEXT);

function few(findings: readonly KeyFinding[]): KeyFinding[] {
  const more = findings.length - MAX_TEXTS;
  const rest: KeyFinding[] = more > 0 ? [{ section: "task", entry: null, says: `has ${more} more of the kind` }] : [];
  return [...findings.slice(0, MAX_TEXTS).map((finding) => ({ ...finding, says: short(finding.says) })), ...rest];
}

const isWhole = (value: number, least: number, most: number): boolean => Number.isInteger(value) && value >= least && value <= most;

function readSource(fd: number, path: string): string {
  const { size: bytes } = fstatSync(fd);
  if (bytes > MAX_POLICY_BYTES) throw new EtmemError(`${path} must not be larger than ${MAX_POLICY_BYTES >> 20} MiB`);
  const buffer = new Uint8Array(bytes);
  let got = 0;
  for (let more = 1; more > 0 && got < bytes; got += more) more = readSync(fd, buffer, got, bytes - got, got);
  return new TextDecoder().decode(buffer.subarray(0, got));
}

/** What is checked is what runs: a policy is one file, which can import nothing but the runtime's own modules. */
async function importText(source: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const loader = /ts$/.test(path) ? "ts" : "js", code = new Bun.Transpiler({ loader, target: "bun" }).transformSync(source);
    const url = `data:text/javascript;base64,${Buffer.from(`${code}\n//# sourceURL=${path}`).toString("base64")}`;
    return (await import(url)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new EtmemError(`${path} cannot be loaded: ${reasonOf(cause)}`, { cause });
  }
}

/** The transpiler throws one message, or many at once with their places. */
function reasonOf(cause: unknown): string {
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  const { message, position } = first as { message?: string; position?: { line: number; column: number } | null };
  const place = position ? `line ${position.line}, column ${position.column}: ` : "";
  // It is loaded from its text, which the runtime would name in full.
  return `${place}${(message ?? String(first)).split("\n", 1)[0]}`.replace(/ imported from data:\S*$/, "");
}
