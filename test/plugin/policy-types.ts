// Compiled, never run: what policies are promised in etmem.d.ts is what they get.
import type { Etmem, Heat, Process, Question, Runs, Sight, System } from "../../examples/etmem.d.ts";
import type { HeatMap, PageRuns, ProcessView, Question as OwnQuestion, Sight as OwnSight, SystemView } from "../../src/memory/memory.ts";
import { KIT } from "../../src/plugin/policies.ts";

export const kit: Etmem = KIT as unknown as typeof KIT & Pick<Etmem, "policy">;
export const promised: {
  heat(own: HeatMap): Heat; runs(own: PageRuns): Runs; system(own: SystemView): System; process(own: ProcessView): Process;
  sight(own: OwnSight): Sight; question(theirs: Question): OwnQuestion;
} = { heat: (own) => own, runs: (own) => own, system: (own) => own, process: (own) => own, sight: (own) => own, question: (theirs) => theirs };
