// A policy of others as a task sees it: its questions are asked in the host of its engine.
import type { DistantPolicy } from "../engines/engine.ts";
import { EtmemError } from "../errors.ts";
import type { PluginEngine } from "./plugin-engine.ts";
import type { PolicyAnswer, PolicyQuestion } from "./round-messages.ts";
import type { TaskStatus } from "../status.ts";

/** The way to a policy in another process. */
export interface PluginLink {
  answer(question: PolicyQuestion): Promise<PolicyAnswer>;
  status(): NonNullable<TaskStatus["plugin"]>;
}

/** What a task may ask itself; rounds ask through the link. */
export function policyIn(engine: PluginEngine, id: string): DistantPolicy<never> {
  const only = (what: string) => () => Promise.reject(new EtmemError(`${what} is asked by rounds`));
  return {
    refusal: async (_, sight) => (await engine.ask("refusal", { id, sight })).answer.refusal ?? undefined,
    cautions: async (_, sight) => (await engine.ask("refusal", { id, sight })).answer.cautions,
    question: async (_, sight) => (await engine.ask("question", { id, sight })).answer,
    gate: only("gate"),
    decide: only("decide"),
  };
}

/** The way from the rounds of a task to its policy. */
export function linkTo(engine: PluginEngine, id: string): PluginLink {
  return {
    answer: ({ call, asked, bytes }) =>
      engine.ask(call, { id, ...asked } as never, bytes).then((answer) => ({ ...answer }), (error: Error) => ({ error: error.message })),
    status: () => engine.status,
  };
}
