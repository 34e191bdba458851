// Swap-out by openEuler's module etmem_swap: addresses are written to swap_pages, one a line. A page that was used since the last scan is spared.
import { closeSync, writeSync } from "node:fs";
import { PageEntries } from "../../proc/page-entries.ts";
import type { Root } from "../../proc/root.ts";
import { CutShortError, SysError, isGone } from "../../errors.ts";
import { CHUNK_PAGES } from "../heat-map.ts";
import { hugetlbRuns } from "../hugetlb.ts";
import type { MoveTally } from "../memory.ts";
import { openModuleFile, openOwnModuleFile } from "../module-file.ts";
import { nextTurn } from "../next-turn.ts";
import { RunFeeder, subtract, type PageRuns } from "../page-runs.ts";
import type { Watched } from "../trackers/tracker.ts";
import { emptyTally } from "../tally.ts";
import type { Mover, MoveSteps } from "./mover.ts";
import { verify, type Called } from "./verified.ts";

/** 32 MiB, as with other movers, in at most so many ranges. */
const CALL_PAGES = 8192, CALL_RUNS = 1024;
/** Of one write, which the kernel reclaims as one batch: the original's 200 addresses, and no more memory than a call may move. */
const MAX_LINES = 200, MAX_WRITE_PAGES = CALL_PAGES;

/** Throws UnsupportedError with what is missing: kernel, module or privilege. */
export function openSwapPages(root: Root): Mover {
  closeSync(openOwnModuleFile(root, "swap_pages"));
  return swapPagesMover(root);
}

export function swapPagesMover(root: Root): Mover {
  return {
    name: "swap_pages",

    async swapOut(watched: Watched, runs: PageRuns, steps: MoveSteps): Promise<MoveTally> {
      const { process, cpu } = watched, tally = emptyTally();
      const movable = cpu.measure(() => subtract(runs, hugetlbRuns(root, process.pid)));
      if (movable.pages === 0) return tally;
      const feeder = new RunFeeder(movable, CALL_RUNS), fd = openModuleFile(process, "swap_pages"), of = `swap_pages of pid ${process.pid}`;
      try {
        while (!tally.gone) {
          const asked = feeder.take(Math.min(CALL_PAGES, await steps.allow(tally)));
          if (asked.pages === 0) break;
          const target: Target = { fd, of, pagemap: process.pagemap };
          cpu.measure(() => verify(process.pagemap, asked, { tally, steps }, () => write(target, asked, steps)));
          if (target.failure) throw new CutShortError(tally, target.failure); // behind the look at what had gone before it
          await nextTurn();
        }
      } finally {
        closeSync(fd);
      }
      return tally;
    },
  };
}

/**
 * Asks for every page that is present and nobody else's: of others some versions of the module keep a reference for ever. A huge page is asked for
 * once; one that was split meanwhile goes by its first page alone, and the rest in a later round.
 */
function write(target: Target, runs: Pick<PageRuns, "from" | "to">, { isHuge }: MoveSteps): Called {
  const { fd, of, pagemap } = target, lines = new AddressLines((text) => writeOnce(fd, of, text));
  try {
    for (let i = 0; i < runs.from.length; i++) {
      for (let page = runs.from[i]!, to = runs.to[i]!; page < to;) {
        const chunk = Math.floor(page / CHUNK_PAGES), stop = Math.min(to, (chunk + 1) * CHUNK_PAGES);
        entries.read(pagemap, page, stop - page);
        if (stop - page === CHUNK_PAGES && isHuge?.(chunk)) {
          if (entries.isExclusive(0)) lines.add(page, CHUNK_PAGES);
        } else {
          for (let at = page; at < stop; at++) if (entries.isExclusive(at - page)) lines.add(at, 1);
        }
        page = stop;
      }
    }
    lines.send();
  } catch (error) {
    if (!isGone(error) && !(error instanceof SysError)) throw error;
    if (!isGone(error)) target.failure = error as SysError;
    return { acceptedPages: lines.sentPages, refusal: null, gone: isGone(error) };
  }
  return { acceptedPages: lines.sentPages, refusal: null, gone: false };
}

interface Target {
  readonly fd: number;
  /** What it is, for whoever is told that it failed. */
  readonly of: string;
  readonly pagemap: number;
  failure?: SysError;
}

/** One for each thread. */
const entries = new PageEntries(CHUNK_PAGES);

const ZERO = 48, NEWLINE = 10, DIGITS = new TextEncoder().encode("0123456789abcdef");
/** "0x", 16 digits and a newline: more than any address has. */
const text = new Uint8Array(MAX_LINES * 19);

/** Collects addresses into writes of whole lines: each write is parsed by itself, and half an address would be another one. */
export class AddressLines {
  sentPages = 0;
  private readonly write: (text: Uint8Array) => void;
  private lines = 0;
  private length = 0;
  private pages = 0;

  constructor(write: (text: Uint8Array) => void) {
    this.write = write;
  }

  /** One address for `pages` pages. */
  add(page: number, pages: number): void {
    if (this.lines === MAX_LINES || this.pages + pages > MAX_WRITE_PAGES) this.send();
    this.length = addLine(text, this.length, page);
    this.lines += 1;
    this.pages += pages;
  }

  send(): void {
    if (this.lines === 0) return;
    this.write(text.subarray(0, this.length));
    this.sentPages += this.pages;
    this.lines = this.length = this.pages = 0;
  }
}

/** The kernel takes all of it or nothing; what it did with it only the page map tells. */
function writeOnce(fd: number, of: string, lines: Uint8Array): void {
  let written = 0;
  try {
    written = writeSync(fd, lines);
  } catch (error) {
    throw new SysError("write", of, (error as NodeJS.ErrnoException).code ?? String(error));
  }
  if (written !== lines.length) throw new SysError("write", of, "EIO", `${written} of ${lines.length} bytes were taken`);
}

/** `0x7f64d0203000` in lower case, and a newline. Returns where the next line begins. */
function addLine(into: Uint8Array, at: number, page: number): number {
  const high = Math.floor(page / 2 ** 20), low = page % 2 ** 20;
  into[at++] = ZERO;
  into[at++] = 120; // x
  let shift = 28;
  while (shift > 0 && high >>> shift === 0) shift -= 4;
  if (high > 0) for (; shift >= 0; shift -= 4) into[at++] = DIGITS[(high >>> shift) & 15]!;
  for (shift = 16; shift >= 0; shift -= 4) into[at++] = DIGITS[(low >>> shift) & 15]!;
  into.fill(ZERO, at, at + 3); // the three digits within a page
  into[at + 3] = NEWLINE;
  return at + 4;
}
