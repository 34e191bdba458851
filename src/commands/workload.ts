// Hidden: a process with memory of which exactly the named part is hot. The demo, the tests and the benchmarks run it as the target.
import { tmpdir } from "node:os";
import { EXIT } from "../errors.ts";
import { growMemory } from "../memory/workload-growth.ts";
import { hotPages as hotPagesOf } from "../memory/workload.ts";
import { workloadPlaces } from "../memory/workload-check.ts";
import { mapWorkload } from "../memory/workload-memory.ts";
import { mapParts } from "../memory/workload-parts.ts";
import type { PlainModule, Surroundings } from "./command.ts";
import { readPlan, WORKLOAD_OPTIONS, type Plan } from "./workload/plan.ts";
import { touchUntil } from "./workload/touching.ts";

/**
 * Prints one line of JSON when the memory is filled, one a second after hot and cold have changed places, and one at the end; at SIGHUP hot and cold
 * change places, too, and a line says so. Fails if a hot page ever held something else.
 */
export const workload: PlainModule = {
  options: WORKLOAD_OPTIONS,
  run: async (argv, around) => {
    const plan = readPlan(argv);
    const ended = endOf(plan, around);
    const { parts, child, end } = mapParts(plan.parts, tmpdir()), memory = mapWorkload(plan.shape);
    const { start, bytes, pageBytes, hotPages } = memory, { pattern, share, seed } = plan.shape;
    printLine(around, {
      ready: true, pid: process.pid, start: hex(start), bytes, pageBytes, hotPages, pattern, share, seed, child,
      parts: parts.map((part) => ({ ...part, start: hex(part.start) })),
    });
    // For who waits for something else than time.
    around.onSignal("SIGHUP", () => {
      memory.flip();
      printLine(around, { flipped: true });
    });
    const growth = growMemory(plan.growingBytes);
    const truth = hotPages === 0 || !plan.watch ? undefined : hotPagesOf({ pages: bytes / pageBytes, pattern, share, seed });
    const hotOut = truth && (() => workloadPlaces({ pid: process.pid, start, pageBytes, truth }).hotOut);
    const result = await touchUntil(ended, memory, { touching: plan.touching, tell: (second) => printLine(around, second), hotOut });
    end();
    printLine(around, { ready: false, ...result, grownBytes: growth.end() });
    return result.wrong === 0 ? EXIT.ok : EXIT.failed;
  },
};

/** Resolves at the first of the ends that the plan names, or a signal. */
function endOf({ ends: { seconds, exitingSeconds, untilEof } }: Plan, around: Surroundings): Promise<unknown> {
  const signal = new Promise<void>((resolve) => {
    around.onSignal("SIGTERM", resolve);
    around.onSignal("SIGINT", resolve);
  });
  if (exitingSeconds !== undefined) setTimeout(() => process.kill(process.pid, "SIGKILL"), exitingSeconds * 1000);
  return Promise.race([
    signal,
    ...(seconds === undefined ? [] : [Bun.sleep(seconds * 1000)]),
    ...(untilEof ? [Bun.stdin.bytes()] : []),
  ]);
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

function printLine(around: Surroundings, line: object): void {
  around.stdout(`${JSON.stringify(line)}\n`);
}
