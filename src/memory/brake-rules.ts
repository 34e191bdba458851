// What harm looks like in numbers: each rule looks at one thing, and the first that finds harm is the reason. Pure.
import { WHOLE_SYSTEM } from "../proc/psi.ts";
import { formatBytes, PAGE_BYTES } from "../units.ts";

/** Why the brake stops a task, in the order in which it asks. What clients know of is in status.ts; a test keeps both equal. */
export type BrakeCause = "refault" | "faults" | "swap_in" | "pressure" | "swap_space" | "zram" | "write_budget";

/** Between two looks, unless it says otherwise. Pages are of 4 KiB. */
export interface Observed {
  readonly seconds: number;
  /** Moved by us and out at the first look, or moved since. */
  readonly movedPages: number;
  /** Of these, present again at the second. */
  readonly cameBackPages: number;
  /** Of all that was ever moved by us, as far as events tell. */
  readonly refaultPages: number;
  /** What came back of a probe is so many times as much in what would follow it; 1 where nothing is to be foretold. */
  readonly standsFor: number;
  /** Of the target; before anything of it was moved it had so many a second. */
  readonly majorFaults: number;
  readonly usualFaultsPerSecond: number;
  /** Of the whole system. */
  readonly swapInPages: number;
  /** Of its major faults the part that processes have on which tasks work, 0..1: each of these has a brake of its own. */
  readonly targetsShare: number;
  readonly cpus: number;
  /** null where the kernel does not count it, which says nothing. */
  readonly pressure: SeenPressure | null;
  /** Now. */
  readonly hasSwap: boolean;
  readonly swapFreeBytes: number;
  readonly memAvailableBytes: number;
  readonly memTotalBytes: number;
  readonly zram: readonly SeenZram[];
  /** What may still be written to disks; null where there is no limit. */
  readonly writableBytes: number | null;
}

export interface SeenPressure {
  /** WHOLE_SYSTEM or the name of the target's cgroup. */
  readonly of: string;
  /** Of the time, in which some task waited for memory, and all of them. */
  readonly someShare: number;
  readonly fullShare: number;
}

/** Documentation/admin-guide/blockdev/zram.rst, mm_stat */
export interface SeenZram {
  readonly device: string;
  readonly originalBytes: number;
  readonly memoryBytes: number;
  /** 0 where there is none. */
  readonly limitBytes: number;
}

export interface Finding {
  readonly cause: BrakeCause;
  /** "ease": less than before; "stop": nothing. */
  readonly act: "ease" | "stop";
  /** In words and numbers. */
  readonly text: string;
}

/** Only what the operator has limited himself: for a task whose brake is off. */
export function judgeBudget({ writableBytes }: Pick<Observed, "writableBytes">): Finding | null {
  if (writableBytes === null || writableBytes > 0) return null;
  return { cause: "write_budget", act: "stop", text: "what max_write allows to be written to disks within 24 hours has been written" };
}

/** Of what moves between nodes nothing is out: what is left is the harm to the process and to others. */
export function judgePlacing(seen: Observed): Finding | null {
  return firstOf([faults, swapIn, pressure], seen);
}

type Rule = (seen: Observed) => Finding | null;

/** The first stop, else the first reason to do less, else null. */
export function judge(seen: Observed): Finding | null {
  return firstOf(RULES, seen);
}

function firstOf(rules: readonly Rule[], seen: Observed): Finding | null {
  let ease: Finding | null = null;
  for (const rule of rules) {
    const finding = rule(seen);
    if (finding?.act === "stop") return finding;
    ease ??= finding;
  }
  return ease;
}

/** What a page costs its process to get back: from zram; and where nobody knows from where. */
const REFAULT_SECONDS = 15e-6, MAJOR_FAULT_SECONDS = 50e-6;
/** Parts of the target's time. */
const TIME = { ease: 0.01, stop: 0.05 };
/** Parts of what was moved that come back within ten seconds; over longer times proportionally more, up to half of it. */
const SHARE = { ease: 0.01, stop: 0.05, perSeconds: 10, most: 0.5 };
/** Some pages of any process are wanted again: so few cost it 4 and 15 ms, however large a share of the moved ones they are. */
const WORTH_PAGES = { ease: 256, stop: 1024 };
/** Fewer may be chance. */
const LEAST_PAGES = 32;
/** Up to so many times as many events are of the pages that a look has found: it takes a sample, and they go on meanwhile. */
const SAME_PAGES = 1.1;
/** Parts of the time of all CPUs that others spend reading what is swapped. */
const SWAP_IN = { ease: 0.025, stop: 0.1 };
/** Parts of the time. senpai aims at 0.1 % and backs off from it slowly; a stop is for ten and more times that. */
const SOME = { ease: 0.01, stop: 0.05 }, FULL = { ease: 0.005, stop: 0.02 };
/** With less swap than this the next call could not be served. */
const LEAST_SWAP_BYTES = 4 << 20;
/** zram: full to this part of its limit; and keeping at least so much in nearly as much memory. */
const POOL_FULL = 0.95, POOL_USELESS = 0.9, POOL_WORTH_JUDGING = 64 << 20;
/** Memory that zram needs to take anything more. */
const LEAST_AVAILABLE_BYTES = 16 << 20, LEAST_AVAILABLE_SHARE = 0.005;

const refault: Rule = ({ seconds, movedPages, cameBackPages, refaultPages, standsFor }) => {
  if (Math.max(cameBackPages, refaultPages) < LEAST_PAGES) return null;
  // What few pages do says nothing of the others: events may be many all the same, of rounds before.
  const tells = cameBackPages >= LEAST_PAGES, share = tells ? cameBackPages / Math.max(1, movedPages) : 0;
  const times = Math.max(1, seconds / SHARE.perSeconds);
  const pages = Math.max(cameBackPages * (tells ? standsFor : 1), refaultPages), time = (pages * REFAULT_SECONDS) / Math.max(1, seconds);
  const over = (limit: "ease" | "stop") =>
    (pages >= WORTH_PAGES[limit] && share >= Math.min(SHARE.most, SHARE[limit] * times)) || time >= TIME[limit];
  const act = over("stop") ? "stop" : over("ease") ? "ease" : null;
  if (act === null) return null;
  const isForetold = tells && standsFor > 1 && cameBackPages * standsFor >= refaultPages;
  const foretold = isForetold ? `; of all that is cold that would cost the process ${percent(Math.min(1, time))} of its time` : "";
  return { cause: "refault", act, text: cameBackText({ seconds, movedPages, cameBackPages, refaultPages }) + foretold };
};

/** What events tell is of all that was ever moved, what a look tells of one round: a share is only ever one of the same pages. */
function cameBackText(seen: Pick<Observed, "seconds" | "movedPages" | "cameBackPages" | "refaultPages">): string {
  const { seconds, movedPages, cameBackPages, refaultPages } = seen, of = formatBytes(movedPages * PAGE_BYTES);
  const came = (pages: number) => `${formatBytes(pages * PAGE_BYTES)} of what had been moved out came back within ${span(seconds)}`;
  const share = percent(cameBackPages / Math.max(1, movedPages));
  if (refaultPages <= SAME_PAGES * cameBackPages) return `${came(cameBackPages)}, ${share} of ${of}`;
  return cameBackPages === 0 ? came(refaultPages) : `${came(refaultPages)}, and ${share} of the ${of} that this round has moved`;
}

/** Beyond the faults on what we moved and those that the process has anyway. */
const faults: Rule = ({ seconds, majorFaults, cameBackPages, refaultPages, usualFaultsPerSecond }) => {
  const rate = Math.max(0, majorFaults - Math.max(cameBackPages, refaultPages)) / Math.max(1, seconds), more = rate - 2 * usualFaultsPerSecond;
  const act = actOn(more * MAJOR_FAULT_SECONDS, TIME);
  const text = `${Math.round(rate)} major faults a second, ${Math.round(usualFaultsPerSecond)} before anything was moved`;
  return act && { cause: "faults", act, text };
};

/** By pages where it is this target that reads, else by faults, since others read ahead as it does. */
const swapIn: Rule = ({ seconds, swapInPages, targetsShare, cameBackPages, refaultPages, cpus }) => {
  const others = Math.min(swapInPages * (1 - targetsShare), swapInPages - Math.max(cameBackPages, refaultPages));
  const rate = Math.max(0, others) / Math.max(1, seconds);
  const act = actOn((rate * REFAULT_SECONDS) / cpus, SWAP_IN);
  return act && { cause: "swap_in", act, text: `other processes read ${formatBytes(rate * PAGE_BYTES)} a second from swap` };
};

/**
 * A process that lies in no cgroup of its own has the whole system's pressure, which comes from anybody, and which swapping out what is cold
 * relieves: it is a reason for smaller steps at most.
 */
const pressure: Rule = ({ pressure: seen }) => {
  if (!seen) return null;
  const some = actOn(seen.someShare, SOME), full = actOn(seen.fullShare, FULL), own = some === "stop" || full === "stop" ? "stop" : (some ?? full);
  const act = seen.of !== WHOLE_SYSTEM ? own : own === "stop" ? "ease" : null;
  const text = `memory pressure of the ${seen.of}: some task waited ${percent(seen.someShare)} of the time, all of them ${percent(seen.fullShare)}`;
  return act && { cause: "pressure", act, text };
};

const NO_SWAP = "there is no swap: swapon a zram device or a disk";

/** Where the next call could not be served. */
export function swapSpace({ hasSwap, swapFreeBytes }: Pick<Observed, "hasSwap" | "swapFreeBytes">): Finding | null {
  if (swapFreeBytes >= LEAST_SWAP_BYTES) return null;
  const text = hasSwap ? `swap is full: ${(swapFreeBytes / 2 ** 20).toFixed(1)} MiB are free` : NO_SWAP;
  return { cause: "swap_space", act: "stop", text };
}

const zram: Rule = ({ zram: pools, memAvailableBytes, memTotalBytes }) => {
  const stop = (text: string): Finding => ({ cause: "zram", act: "stop", text });
  for (const { device, originalBytes, memoryBytes, limitBytes } of pools) {
    const held = `${device} keeps ${formatBytes(originalBytes)} in ${formatBytes(memoryBytes)} of memory`;
    if (limitBytes > 0 && memoryBytes >= POOL_FULL * limitBytes) return stop(`${held}, its limit is ${formatBytes(limitBytes)}`);
    if (originalBytes >= POOL_WORTH_JUDGING && memoryBytes >= POOL_USELESS * originalBytes) return stop(`${held}: moving there frees nothing`);
  }
  if (pools.length === 0 || memAvailableBytes >= Math.max(LEAST_AVAILABLE_BYTES, LEAST_AVAILABLE_SHARE * memTotalBytes)) return null;
  return stop(`zram needs memory to take more, and ${formatBytes(memAvailableBytes)} are available`);
};

const RULES: readonly Rule[] = [refault, faults, swapIn, pressure, swapSpace, zram, judgeBudget];

function actOn(value: number, limits: { readonly ease: number; readonly stop: number }): "ease" | "stop" | null {
  return value >= limits.stop ? "stop" : value >= limits.ease ? "ease" : null;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function span(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}
