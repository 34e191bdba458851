// The memory of a process as a bar: how much of it was accessed how lately, and how much is out. Pure.
import type { AgeBand } from "../../status.ts";
import { part, type Part } from "./paint.ts";

/** Memory of one age in a bar. */
interface AgeClass {
  readonly name: string;
  /** Younger than this, in seconds. */
  readonly below: number;
  /** Of 256 colours: from hot to cold, told apart in lightness too. */
  readonly look: string;
  /** Where there are no colours. */
  readonly letter: string;
}

/** Each limit is one where a band begins. */
const AGE_CLASSES: readonly AgeClass[] = [
  { name: "<10s", below: 10, look: "38;5;203", letter: "#" },
  { name: "<1m", below: 60, look: "38;5;215", letter: "*" },
  { name: "<10m", below: 600, look: "38;5;186", letter: "+" },
  { name: "<1h", below: 3600, look: "38;5;74", letter: "-" },
  { name: "older", below: Infinity, look: "38;5;61", letter: "." },
];

const UNKNOWN = { look: "38;5;245", letter: "=" } as const, OUT = { name: "out", look: "38;5;244", block: "░", letter: "o" } as const;

export interface BarParts {
  readonly residentBytes: number;
  readonly outBytes: number;
  readonly ages?: readonly AgeBand[] | undefined;
}

/** So many cells, of which each kind of memory has its share; what there is at all has a cell where there is room. */
export function ageBar({ residentBytes, outBytes, ages }: BarParts, columns: number, colour: boolean): Part[] {
  const byAge = ages === undefined ? [] : AGE_CLASSES.map(({ below }, at) => bytesBetween(ages, AGE_CLASSES[at - 1]?.below ?? 0, below));
  const unknown = Math.max(0, residentBytes - byAge.reduce((sum, bytes) => sum + bytes, 0));
  const cells = shares([...byAge, ages === undefined ? unknown : 0, outBytes], columns);
  const kinds = [...AGE_CLASSES.slice(0, byAge.length), UNKNOWN];
  const parts = kinds.map(({ look, letter }, at) => part((colour ? "█" : letter).repeat(cells[at] ?? 0), look));
  const filled = cells.reduce((sum, count) => sum + count, 0);
  return [...parts, part((colour ? OUT.block : OUT.letter).repeat(cells.at(-1) ?? 0), OUT.look), part(" ".repeat(columns - filled))];
}

/** What the colours, or the letters, stand for. */
export function ageLegend(colour: boolean): Part[] {
  const kinds = [...AGE_CLASSES.map((kind) => ({ ...kind, block: "█" })), OUT];
  return kinds.flatMap(({ name, look, block, letter }) => [part(colour ? block : letter, look), part(` ${name}  `)]);
}

function bytesBetween(ages: readonly AgeBand[], from: number, below: number): number {
  return ages.reduce((sum, { fromSeconds, bytes }) => (fromSeconds >= from && fromSeconds < below ? sum + bytes : sum), 0);
}

/** Whole cells for each amount, all of them together; what is left by rounding down goes to those that lost most. */
export function shares(amounts: readonly number[], cells: number): number[] {
  const sum = amounts.reduce((all, amount) => all + amount, 0);
  if (sum <= 0) return amounts.map(() => 0);
  const exact = amounts.map((amount) => (amount / sum) * cells), counts = exact.map(Math.floor);
  const lost = exact.map((value, at) => ({ at, by: value - Math.floor(value) })).sort((one, other) => other.by - one.by || one.at - other.at);
  const left = cells - counts.reduce((all, count) => all + count, 0);
  for (const { at } of lost.slice(0, left)) counts[at] = (counts[at] ?? 0) + 1;
  return counts;
}
