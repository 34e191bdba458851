// Which mappings of a process are looked at: those that have every one of some flags. proc_pid_smaps(5), VmFlags
import { VMA, type VmaList } from "../proc/maps.ts";
import type { VmaUse } from "../proc/smaps.ts";
import { PAGE_BYTES } from "../units.ts";
import type { PageRuns } from "./page-runs.ts";

export interface VmaChoice {
  /** Two letters each, as smaps has them: "hg", "rd". */
  readonly flags: readonly string[];
  /** None of a file. */
  readonly anonymousOnly: boolean;
  /** Of a virtual machine only the guest's own accesses count. */
  readonly ignoreHost?: boolean;
}

/** Pages of 1 GiB are always in use as far as anything tells. */
const MOST_PAGE_BYTES = 2 << 20;

/** Are hugetlb pages meant, and so nothing else? */
export function meansHugetlb({ flags }: VmaChoice): boolean {
  return flags.includes("ht");
}

/** Flags that the permissions in maps tell, which costs nothing; for others smaps is needed, at 15 ms per GiB. */
const IN_MAPS: Readonly<Record<string, number>> = { rd: VMA.readable, wr: VMA.writable };

export function needsSmaps({ flags }: VmaChoice): boolean {
  return flags.some((flag) => !Object.hasOwn(IN_MAPS, flag));
}

export interface VmaFacts {
  /** What smaps says, where it is needed. */
  readonly uses: readonly VmaUse[];
  /** Mappings in which accesses cannot be seen. */
  readonly unseen: PageRuns;
}

/** VMAs that came or changed between the two looks are left for the next round. */
export function chooseVmas(vmas: VmaList, choice: VmaChoice, { uses, unseen }: VmaFacts): VmaList {
  const wanted = choice.flags.reduce<number>((bits, flag) => bits | (IN_MAPS[flag] ?? 0), VMA.pageable);
  const unwanted = choice.anonymousOnly ? VMA.file : 0, rest = choice.flags.filter((flag) => !Object.hasOwn(IN_MAPS, flag));
  const byStart = new Map(rest.length > 0 ? uses.map((use) => [use.start, use]) : []);
  const chosen: number[] = [];
  for (let i = 0; i < vmas.count; i++) {
    const kind = vmas.kind[i]!;
    if ((kind & wanted) !== wanted || kind & unwanted || isIn(unseen, vmas.start[i]!)) continue;
    const use = rest.length > 0 ? byStart.get(vmas.start[i]!) : undefined;
    const fits = use !== undefined && use.end === vmas.end[i] && use.pageBytes <= MOST_PAGE_BYTES && rest.every((flag) => use.flags.includes(flag));
    if (rest.length === 0 || fits) chosen.push(i);
  }
  return {
    count: chosen.length, start: Float64Array.from(chosen, (i) => vmas.start[i]!), end: Float64Array.from(chosen, (i) => vmas.end[i]!),
    kind: Uint8Array.from(chosen, (i) => vmas.kind[i]!),
  };
}

function isIn({ from, to }: PageRuns, address: number): boolean {
  return from.some((first, i) => first * PAGE_BYTES <= address && address < to[i]! * PAGE_BYTES);
}
