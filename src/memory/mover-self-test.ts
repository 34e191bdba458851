// A mover that is preferred to a plain one proves itself against it: on memory of the daemon's own, of which both are to move something.
import { keepSmallPages, mapAnonymous, unmap, viewOf } from "../ffi/libc.ts";
import { readStat } from "../proc/process.ts";
import type { Root } from "../proc/root.ts";
import { EtmemError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import type { Mover } from "./movers/mover.ts";
import { RunBuilder } from "./page-runs.ts";
import { ownMemory } from "./self-test.ts";
import { HeldProcess } from "./targets.ts";

/** More than the CPUs' batches of new pages hold, which are on no list yet. */
const PAGES = 512;
/** The first finds each page accessed, since it was just filled, and only clears that. */
const ATTEMPTS = 3;

/**
 * What is wrong with a mover: nothing goes by it that goes by the plain one; undefined where nothing is wrong. Where nothing goes by either, for want
 * of swap or by the limits of this process's own cgroup, nothing is known: what is moved later is verified in each call.
 */
export async function moverProblem(root: Root, mover: Mover, plain: Mover): Promise<string | undefined> {
  const bytes = PAGES * PAGE_BYTES, start = mapAnonymous(bytes), held = HeldProcess.open(root, { pid: process.pid, startTicks: startTicks(root) });
  try {
    if (!held) return "its self-test cannot open this very process";
    keepSmallPages(start, bytes);
    const memory = new Uint8Array(viewOf(start, bytes));
    for (let page = 0; page < PAGES; page++) memory[page * PAGE_BYTES] = 1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (await moves(mover, held, start)) return undefined;
    return await moves(plain, held, start).catch(noVerdict) ? `its self-test fails: of ${PAGES} pages it moves none, ${plain.name} does` : undefined;
  } catch (error) {
    if (error instanceof EtmemError) return `its self-test fails: ${error.message}`;
    throw error;
  } finally {
    held?.close();
    unmap(start, bytes);
  }
}

function startTicks(root: Root): number {
  return readStat(root, "self")?.startTicks ?? -1;
}

/** Does any of it go? */
async function moves(mover: Mover, held: HeldProcess, start: number): Promise<boolean> {
  const runs = new RunBuilder(), first = start / PAGE_BYTES;
  runs.add(first, first + PAGES);
  const { swappedOut } = await mover.swapOut(ownMemory(held, start, PAGES), runs.done(), { moved: () => undefined, allow: async () => Infinity });
  return swappedOut > 0;
}

/** The plain one may lack a capability that the other does not need. */
function noVerdict(error: unknown): false {
  if (error instanceof EtmemError) return false;
  throw error;
}
