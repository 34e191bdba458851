// The policy of others as a round sees it: the questions go to the main thread, which has the process that answers them.
import type { RoundPolicy } from "../engines/engine.ts";
import { EtmemError } from "../errors.ts";
import type { HeatMap, PageRuns } from "../memory/memory.ts";
import { intersect } from "../memory/page-runs.ts";
import { bytesOfHeat, runsOf } from "../plugin/heat-bytes.ts";
import type { PolicyAnswer, PolicyQuestion } from "./round-messages.ts";

/** What is neither unknown nor seen more often than can be counted. */
const ANY_COUNT = 254;

/** `ask` resolves with what the policy answers. */
export function distantPolicy(ask: (question: PolicyQuestion) => Promise<PolicyAnswer>): RoundPolicy<never> {
  const answered = async (question: PolicyQuestion) => {
    const answer = await ask(question);
    if ("error" in answer) throw new EtmemError(`the policy: ${answer.error}`);
    return answer;
  };
  return {
    gate: async (_, system, process) => (await answered({ call: "gate", asked: { system, process } })).answer as never,
    question: async (_, sight) => (await answered({ call: "question", asked: { sight } })).answer as never,
    async decide(heat, _, seen) {
      const { lengths, bytes } = bytesOfHeat(heat);
      const { answer, bytes: given = new Uint8Array() } = await answered({ call: "decide", asked: { ...seen, heat: lengths }, bytes });
      return { swapOut: soundRuns(runsOf((answer as { runs: number }).runs, given), heat) };
    },
  };
}

/** What of the chosen runs can be moved: only pages that the scans have found and judged. Throws where they are no runs of pages. */
export function soundRuns({ from, to }: Pick<PageRuns, "from" | "to">, heat: HeatMap): PageRuns {
  let pages = 0, last = 0;
  for (let i = 0; i < from.length; i++) {
    const first = from[i]!, end = to[i]!;
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(end) || first < last || end <= first) {
      throw new EtmemError(`the policy: run ${i} of its choice is ${first}..${end} after ${last}; runs are of whole pages, ascending and apart`);
    }
    pages += end - first;
    last = end;
  }
  return pages === 0 ? { from, to, pages } : intersect({ from, to, pages }, heat.runsBelow(ANY_COUNT));
}
