// Keys of cslide, which moves hot huge pages of virtual machines to DRAM and cold ones to slower NUMA nodes. It has no rounds yet.
import { type Part, choice, field, int, yesNo } from "../config/field.ts";
import { defineEngine } from "./engine.ts";

const MAX_INT = 2 ** 31 - 1;

/** A NUMA node of DRAM and one of slower memory, in the order in which the file has them: the kernel says which is which. */
export type NodePair = readonly [number, number];

// Pairs are separated by ";" or blanks; empty ones between or behind them are skipped, as the original does.
const nodePairs: Part<readonly NodePair[]> = {
  says: "pairs of NUMA nodes, each node once, as 2,0;3,1",
  read(text) {
    const words = text.split(/[; \t]/).filter((word) => word !== "");
    const pairs: NodePair[] = [];
    for (const word of words) {
      const match = /^(\d{1,4}),(\d{1,4})$/.exec(word);
      if (match === null) return { wrong: true };
      pairs.push([Number(match[1]), Number(match[2])]);
    }
    const nodes = pairs.flat();
    return pairs.length > 0 && new Set(nodes).size === nodes.length ? { value: pairs } : { wrong: true };
  },
};

/** Moves pages between the nodes of each pair, by heat. */
export const cslide = defineEngine({
  name: "cslide",
  doc: "Moves hot huge pages to DRAM and cold ones to slower NUMA nodes.",
  fields: {
    project: {},
    engine: {
      node_pair: field("pairs", { doc: "Which node of slower memory belongs to which node of DRAM." }, nodePairs),
      hot_threshold: int(0, MAX_INT, { doc: "Pages seen accessed fewer times than this in a round are cold." }),
      node_mig_quota: int(0, MAX_INT, { unit: "MB", doc: "The most that is moved in one direction in a round, for each pair." }),
      node_hot_reserve: int(0, MAX_INT, { unit: "MB", doc: "Room that is kept free on the DRAM node of each pair for pages that get hot." }),
    },
    task: {
      vm_flags: choice(["ht"], { doc: "Flag of the mappings that are looked at.", fallback: "ht" }),
      anon_only: yesNo({ doc: "Look at anonymous mappings only.", fallback: false }),
      ign_host: yesNo({ doc: "Ignore accesses by the host itself to the memory of a virtual machine.", fallback: false }),
    },
  },
  rules: [],
  commands: {
    showtaskpages: { doc: "Hot and cold memory of a task, by node." },
    showhostpages: { doc: "Hot and cold memory of all tasks of the engine, by node." },
  },
});
