// Tests that spend their time waiting for windows and rounds of seconds wait at the same time, each with a lab of its own.
import { afterAll, beforeAll, test } from "bun:test";
import { needs, type StartTest } from "../needs.ts";
import { Lab } from "./harness.ts";
import { addZramSwap, missingZram, type ZramSwap } from "./zram.ts";

type StartLab = (title: string, body: (lab: Lab) => Promise<unknown>) => void;

/** `needs()` for tests that run at once with those next to them in the file. */
export function atOnce(missing: string | undefined): StartLab {
  return inLabs(needs(missing, test.concurrent));
}

/** `needs()` for tests of the same file that measure time, or what the whole machine has. */
export function inTurn(missing: string | undefined): StartLab {
  return inLabs(needs(missing));
}

/** One swap device for all tests of a file or `describe`: where each has its own, one that goes reads in what the others have on it. */
export function zramForAll(bytes: number): () => ZramSwap {
  let swap: ZramSwap | undefined;
  beforeAll(async () => {
    if (missingZram() === undefined) swap = await addZramSwap(bytes);
  });
  afterAll(() => swap?.remove());
  return () => swap!;
}

function inLabs(start: StartTest): StartLab {
  const open = new Set<Lab>();
  // Those of tests that ran out of time.
  afterAll(async () => {
    for (const lab of open) await lab.close();
  });
  return (title, body) => start(title, async () => {
    const lab = new Lab();
    open.add(lab);
    try {
      await body(lab);
    } finally {
      open.delete(lab);
      await lab.close();
    }
  });
}
