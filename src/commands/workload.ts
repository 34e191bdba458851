// Hidden: a process with memory of which exactly the named part is hot. The demo, the tests and the benchmarks run it as the target.
import { EXIT, UsageError } from "../errors.ts";
import { mapWorkload, type WorkloadMemory, type WorkloadShape } from "../memory/workload-memory.ts";
import { PATTERNS } from "../memory/workload.ts";
import { parseSize } from "../units.ts";
import type { PlainModule, Surroundings } from "./command.ts";
import { lastValues, parseWords, type OptionRow } from "./getopt.ts";

const OPTIONS = [
  { long: "size", value: "BYTES", doc: "Memory to map and fill; 64M, 1G." },
  { long: "hot", value: "PERCENT", doc: "Part of the pages that stays hot, 10% if not given." },
  { long: "pattern", value: "PATTERN", doc: "How hot pages lie: contiguous, chunks (of 2 MiB) or scatter." },
  { long: "every", value: "MS", doc: "Milliseconds from one touch of all hot pages to the next, 100 if not given." },
  { long: "seconds", value: "N", doc: "End by itself after so long." },
  { long: "until-eof", doc: "End when standard input ends." },
  { long: "seed", value: "N", doc: "Chooses the hot pages, 1 if not given." },
  { long: "hugetlb", doc: "Use 2 MiB pages of the pool (vm.nr_hugepages)." },
  { long: "thp", doc: "Use transparent huge pages." },
  { long: "vmas", value: "N", doc: "Split the memory into so many VMAs." },
  { long: "reserve", value: "BYTES", doc: "Reserve so much address space around the memory." },
] as const satisfies readonly OptionRow[];

type Name = (typeof OPTIONS)[number]["long"];

interface Plan {
  readonly shape: WorkloadShape;
  readonly everyMs: number;
  readonly seconds: number | undefined;
  readonly untilEof: boolean;
}

/** Prints one line of JSON when the memory is filled and one at the end; fails if a hot page ever held something else. */
export const workload: PlainModule = {
  options: OPTIONS,
  run: async (argv, around) => {
    const plan = readPlan(argv);
    const ended = endOf(plan, around);
    const memory = mapWorkload(plan.shape);
    const { start, bytes, pageBytes, hotPages } = memory;
    const { pattern, share, seed } = plan.shape;
    printLine(around, { ready: true, pid: process.pid, start: `0x${start.toString(16)}`, bytes, pageBytes, hotPages, pattern, share, seed });
    const result = await touchUntil(ended, memory, plan.everyMs);
    printLine(around, { ready: false, ...result });
    return result.wrong === 0 ? EXIT.ok : EXIT.failed;
  },
};

/** The plan that the words stand for. */
export function readPlan(argv: readonly string[]): Plan {
  const { options, words } = parseWords(argv, OPTIONS);
  if (words.length > 0) throw new UsageError(`workload takes no word "${words[0]}"`);
  const given = lastValues(options);
  const text = (name: Name): string | undefined => given.get(name)?.value;
  const pattern = PATTERNS.find((known) => known === (text("pattern") ?? "scatter"));
  if (pattern === undefined) throw new UsageError(`--pattern must be one of ${PATTERNS.join(", ")}`);
  const bytes = size(text("size") ?? "64M", "size");
  const plan: Plan = {
    shape: {
      bytes,
      pattern,
      share: number(text("hot")?.replace(/%$/, "") ?? "10", "hot", { min: 0, max: 100 }) / 100,
      seed: number(text("seed") ?? "1", "seed", { min: 0, max: 2 ** 32 - 1 }),
      hugePages: given.has("thp"),
      hugetlb: given.has("hugetlb"),
      vmas: number(text("vmas") ?? "1", "vmas", { min: 1, max: 60_000 }),
      reserveBytes: size(text("reserve") ?? "0", "reserve"),
    },
    everyMs: number(text("every")?.replace(/ms$/, "") ?? "100", "every", { min: 1, max: 60_000 }),
    seconds: text("seconds") === undefined ? undefined : number(text("seconds") ?? "", "seconds", { min: 0, max: 86_400 }),
    untilEof: given.has("until-eof"),
  };
  if (bytes === 0 || bytes % PIECE_BYTES !== 0) throw new UsageError("--size must be a multiple of 2 MiB and not 0");
  return plan;
}

/** Whatever the base page: a size is whole pages and whole chunks. */
const PIECE_BYTES = 2 * 1024 ** 2;

function size(text: string, name: Name): number {
  const bytes = parseSize(text, ["k", "m", "g", "t"]);
  if (bytes === undefined) throw new UsageError(`--${name} must be a size such as 64M or 1G`);
  return bytes;
}

function number(text: string, name: Name, { min, max }: { min: number; max: number }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`--${name} must be a number, ${min}..${max}`);
  return value;
}

/** Resolves at the first of the ends that the plan names, or a signal. */
function endOf(plan: Plan, around: Surroundings): Promise<unknown> {
  const signal = new Promise<void>((resolve) => {
    around.onSignal("SIGTERM", resolve);
    around.onSignal("SIGINT", resolve);
  });
  return Promise.race([
    signal,
    ...(plan.seconds === undefined ? [] : [Bun.sleep(plan.seconds * 1000)]),
    ...(plan.untilEof ? [Bun.stdin.bytes()] : []),
  ]);
}

interface Touched {
  readonly touches: number;
  /** Touches that began more than one interval after their time. */
  readonly late: number;
  /** The longest touch of all hot pages: what the process felt. */
  readonly longestMs: number;
  /** Reads of hot pages that did not hold what had been written. */
  readonly wrong: number;
}

/** Against deadlines, so that a slow touch does not lengthen the interval. */
async function touchUntil(ended: Promise<unknown>, memory: WorkloadMemory, everyMs: number): Promise<Touched> {
  let running = true;
  const end = ended.then(() => (running = false));
  let touches = 0, late = 0, longestMs = 0, wrong = 0;
  let due = performance.now();
  while (running) {
    const began = performance.now();
    if (began > due + everyMs) late += 1;
    wrong += memory.touchHot();
    const now = performance.now();
    longestMs = Math.max(longestMs, now - began);
    touches += 1;
    due = Math.max(due + everyMs, now);
    await Promise.race([end, Bun.sleep(due - now)]);
  }
  return { touches, late, longestMs: Number(longestMs.toFixed(3)), wrong };
}

function printLine(around: Surroundings, line: object): void {
  around.stdout(`${JSON.stringify(line)}\n`);
}
