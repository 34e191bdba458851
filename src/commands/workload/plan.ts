// The words of the hidden command workload, and the plan that they stand for.
import { UsageError } from "../../errors.ts";
import type { PartSizes } from "../../memory/workload-parts.ts";
import type { WorkloadShape } from "../../memory/workload-memory.ts";
import { PATTERNS } from "../../memory/workload.ts";
import { parseSize } from "../../units.ts";
import { lastValues, parseWords, type OptionRow } from "../getopt.ts";

/** Its options. */
export const WORKLOAD_OPTIONS = [
  { long: "size", value: "BYTES", doc: "Memory to map and fill; 64M, 1G." },
  { long: "hot", value: "PERCENT", doc: "Part of the pages that stays hot, 10% if not given." },
  { long: "pattern", value: "PATTERN", doc: "How hot pages lie: contiguous, chunks (of 2 MiB) or scatter." },
  { long: "every", value: "MS", doc: "Milliseconds from one touch of all hot pages to the next, 100 if not given." },
  { long: "seconds", value: "N", doc: "End by itself after so long." },
  { long: "until-eof", doc: "End when standard input ends." },
  { long: "exiting", value: "N", doc: "Be killed after so long, without a last line." },
  { long: "seed", value: "N", doc: "Chooses the hot pages, 1 if not given." },
  { long: "hugetlb", doc: "Use 2 MiB pages of the pool (vm.nr_hugepages)." },
  { long: "hot-node", value: "NODE", doc: "Begin with the hot pages on this NUMA node." },
  { long: "cold-node", value: "NODE", doc: "Begin with the cold pages on this NUMA node." },
  { long: "thp", doc: "Use transparent huge pages." },
  { long: "vmas", value: "N", doc: "Split the memory into so many VMAs." },
  { long: "reserve", value: "BYTES", doc: "Reserve so much address space around the memory." },
  { long: "mlocked", value: "BYTES", doc: "Beside it: memory that is locked." },
  { long: "forked", value: "BYTES", doc: "Beside it: private memory that a sleeping child shares." },
  { long: "shared", value: "BYTES", doc: "Beside it: shared anonymous memory." },
  { long: "hugetlb-part", value: "BYTES", doc: "Beside it: memory in pages of the pool." },
  { long: "file", value: "BYTES", doc: "Beside it: a private mapping of a file that is only read." },
  { long: "growing", value: "BYTES", doc: "Map and fill so much more each second." },
  { long: "rewrite", doc: "Write to all pages again and again, as fast as it goes." },
  { long: "flip", value: "N[,M]", doc: "After N seconds, and then every M, hot and cold change places; a line a second says what that costs." },
  { long: "watch", doc: "Count the hot pages that have left when their touch comes: the last line has them." },
  { long: "drift", value: "PERCENT", doc: "Part of the hot pages that is replaced by cold ones each second." },
] as const satisfies readonly OptionRow[];

type Name = (typeof WORKLOAD_OPTIONS)[number]["long"];

export interface Plan {
  readonly shape: WorkloadShape;
  readonly parts: PartSizes;
  readonly touching: Touching;
  readonly growingBytes: number;
  readonly watch: boolean;
  readonly ends: { readonly seconds: number | undefined; readonly exitingSeconds: number | undefined; readonly untilEof: boolean };
}

/** What it does with its memory. */
export interface Touching {
  readonly everyMs: number;
  /** Write to everything instead of touching what is hot. */
  readonly rewrite: boolean;
  readonly flip: { readonly afterSeconds: number; readonly againSeconds: number | undefined } | undefined;
  /** Part of the hot pages, 0..1, a second. */
  readonly drift: number;
}

/** Whatever the base page: a size is whole pages and whole chunks. */
const PIECE_BYTES = 2 * 1024 ** 2;

/** Throws UsageError. */
export function readPlan(argv: readonly string[]): Plan {
  const { options, words } = parseWords(argv, WORKLOAD_OPTIONS);
  if (words.length > 0) throw new UsageError(`workload takes no word "${words[0]}"`);
  const given = lastValues(options);
  const text = (name: Name): string | undefined => given.get(name)?.value;
  const part = (name: Name): number => pieces(text(name) ?? "0", name);
  const percent = (name: Name, fallback: string) => number(text(name)?.replace(/%$/, "") ?? fallback, name, { min: 0, max: 100 }) / 100;
  const seconds = (name: Name) => (text(name) === undefined ? undefined : number(text(name) ?? "", name, { min: 0, max: 86_400 }));
  const node = (name: Name) => (text(name) === undefined ? undefined : number(text(name) ?? "", name, { min: 0, max: 1023 }));
  const bytes = pieces(text("size") ?? "64M", "size");
  const pattern = PATTERNS.find((known) => known === (text("pattern") ?? "scatter"));
  if (pattern === undefined) throw new UsageError(`--pattern must be one of ${PATTERNS.join(", ")}`);
  if (bytes === 0) throw new UsageError("--size must be a multiple of 2 MiB and not 0");
  return {
    shape: {
      bytes,
      pattern,
      share: percent("hot", "10"),
      seed: number(text("seed") ?? "1", "seed", { min: 0, max: 2 ** 32 - 1 }),
      hugePages: given.has("thp"),
      hugetlb: given.has("hugetlb"),
      vmas: number(text("vmas") ?? "1", "vmas", { min: 1, max: 60_000 }),
      hotNode: node("hot-node"),
      coldNode: node("cold-node"),
      reserveBytes: size(text("reserve") ?? "0", "reserve"),
    },
    parts: { mlocked: part("mlocked"), forked: part("forked"), shared: part("shared"), hugetlb: part("hugetlb-part"), file: part("file") },
    touching: {
      everyMs: number(text("every")?.replace(/ms$/, "") ?? "100", "every", { min: 1, max: 60_000 }),
      rewrite: given.has("rewrite"),
      flip: readFlip(text("flip")),
      drift: percent("drift", "0"),
    },
    watch: given.has("watch"),
    growingBytes: pieces(text("growing") ?? "0", "growing"),
    ends: { seconds: seconds("seconds"), exitingSeconds: seconds("exiting"), untilEof: given.has("until-eof") },
  };
}

function readFlip(text: string | undefined): Touching["flip"] {
  if (text === undefined) return undefined;
  const [after = "", again] = text.split(",").map((part) => number(part, "flip", { min: 0.1, max: 86_400 }));
  return { afterSeconds: Number(after), againSeconds: again };
}

function pieces(text: string, name: Name): number {
  const bytes = size(text, name);
  if (bytes % PIECE_BYTES !== 0) throw new UsageError(`--${name} must be a multiple of 2 MiB${name === "size" ? " and not 0" : ""}`);
  return bytes;
}

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
