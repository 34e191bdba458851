// cslide moves hot pages to DRAM and cold ones to slower NUMA nodes: its keys, and what they mean for a round.
import { trimBlanks } from "../config/blanks.ts";
import { type Part, field, int, yesNo } from "../config/field.ts";
import type { NodeView } from "../memory/memory.ts";
import { MIB } from "../units.ts";
import { doubtfulPairs, judgePairs, reserveProblem, type NodePair } from "./cslide-nodes.ts";
import { selectPages } from "./cslide-select.ts";
import { hostPagesTable, taskPagesTable } from "./cslide-tables.ts";
import { defineEngine, type Take } from "./engine.ts";

const MAX_INT = 2 ** 31 - 1;

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

// Two letters each, as smaps has them; more of them come with the years. proc_pid_smaps(5)
const KNOWN_FLAGS = "rd wr ex sh mr mw me ms gd pf dw lo io sr rr dc de ac nr ht sf nl ar wf dd sd mm hg nh mg bt mt um uw ui ss sl gu dp lf"
  .split(" ");
const MOST_FLAG_BYTES = 256;

const vmFlags: Part<string> = {
  says: `flags of two letters as in smaps, with blanks between them, at most ${MOST_FLAG_BYTES} bytes, as ht, hg or rd wr`,
  read(text) {
    const words = trimBlanks(text).split(/[ ,\t]+/), value = words.join(" ");
    if (!words.every((word) => /^[a-z]{2}$/.test(word)) || value.length > MOST_FLAG_BYTES) return { wrong: true };
    const unknown = words.filter((word) => !KNOWN_FLAGS.includes(word));
    if (unknown.length === 0) return { value };
    return { value, caution: `no kernel is known to have the flag ${unknown.join(", ")}; mappings without it are left alone` };
  },
};

/** Moves pages between the nodes of each pair, by heat. */
export const cslide = defineEngine({
  name: "cslide",
  doc: "Moves hot pages to DRAM and cold ones to slower NUMA nodes.",
  fields: {
    project: {},
    engine: {
      node_pair: field("pairs", {
        doc: "Which node of slower memory belongs to which node of DRAM. The kernel says which of the two is which; where it does not, the first "
          + "is the faster one, as in the original, and a warning says so.",
      }, nodePairs),
      hot_threshold: int(0, MAX_INT, { doc: "Pages seen accessed fewer times than this in a round are cold." }),
      node_mig_quota: int(0, MAX_INT, { unit: "MB", doc: "The most that is moved in one direction in a round, for each pair." }),
      node_hot_reserve: int(0, MAX_INT, { unit: "MB", doc: "Room that is kept free on the DRAM node of each pair for pages that get hot." }),
    },
    task: {
      vm_flags: field("text", {
        doc: "Flags that a mapping must have, all of them, to be looked at: ht for hugetlb pages, hg for memory that its process wants in huge "
          + "pages (MADV_HUGEPAGE), rd wr for all private memory.",
        fallback: "ht",
      }, vmFlags),
      anon_only: yesNo({ doc: "Look at anonymous mappings only.", fallback: false }),
      ign_host: yesNo({ doc: "Ignore accesses by the host itself to the memory of a virtual machine.", fallback: false }),
    },
  },
  rules: [],
  machineRules: [
    {
      section: "engine", key: "node_pair",
      judge({ engine }, nodes) {
        const judged = judgePairs(engine.node_pair, nodes);
        if ("problem" in judged) return judged;
        const caution = doubtfulPairs(judged.pairs);
        return caution === undefined ? undefined : { caution };
      },
    },
    {
      section: "engine", key: "node_hot_reserve",
      judge({ engine }, nodes) {
        const judged = judgePairs(engine.node_pair, nodes);
        const problem = "problem" in judged ? undefined : reserveProblem(engine.node_hot_reserve, judged.pairs, nodes);
        return problem === undefined ? undefined : { problem };
      },
    },
    {
      section: "engine", key: "node_mig_quota",
      judge: ({ engine }) => (engine.node_mig_quota === 0 ? { caution: "nothing will be moved" } : undefined),
    },
  ],
  commands: {
    showtaskpages: { doc: "Hot and cold memory of a task, by node.", about: "task" },
    showhostpages: { doc: "Hot and cold memory of all tasks of the engine, by node.", about: "engine" },
  },
  placing: {
    tables: { showtaskpages: taskPagesTable, showhostpages: hostPagesTable },

    refusal({ task }, sight) {
      if (sight.tracker === "referenced") return "cslide needs to see single pages, and referenced sees only whole mappings; nothing is moved";
      if (!meansHugetlb(task) || sight.seesHugetlb) return undefined;
      return `vm_flags=${task.vm_flags} means hugetlb pages, and ${sight.tracker} does not see accesses to them: load openEuler's etmem_scan, or `
        + "write tracker=damon in [project] (Linux 5.19); or vm_flags=hg for memory that its process wants in huge pages, or vm_flags=rd wr for all "
        + "private memory; nothing is moved";
    },

    cautions({ project, engine, task }, sight) {
      const most = sight.seesWrites ? 3 * project.loop : project.loop, cautions: string[] = [];
      if (engine.hot_threshold > most) {
        cautions.push(`hot_threshold=${engine.hot_threshold} counts as ${most}: no page is counted more often in a round`);
      }
      if (task.ign_host && (sight.tracker !== "idle_pages" || !meansHugetlb(task))) {
        cautions.push("ign_host=yes has no effect: only openEuler's module tells a host's accesses from its guest's, and in hugetlb pages");
      }
      if (sight.tracker === "damon" && !meansHugetlb(task)) {
        cautions.push("damon tells the heat of 2 MiB at a time: of small pages many move for a few");
      }
      if (task.max_refault !== undefined) cautions.push("max_refault has no effect: what moves between nodes stays in memory");
      return cautions;
    },

    choice: ({ task }) => ({ flags: flagsOf(task.vm_flags), anonymousOnly: task.anon_only, ignoreHost: task.ign_host }),

    // As for slide: one window can miss a page whose translation stayed in the TLB. All windows are counted, since heat decides who goes first.
    question({ project }, sight) {
      const windows = Math.max(2, project.loop);
      return { windows, threshold: sight.seesWrites ? 3 * windows : windows };
    },

    threshold: thresholdOf,

    pairs({ engine }, nodes) {
      const judged = judgePairs(engine.node_pair, nodes);
      if ("problem" in judged) return { problem: `node_pair: ${judged.problem}` };
      const problem = reserveProblem(engine.node_hot_reserve, judged.pairs, nodes);
      return problem === undefined ? judged : { problem: `node_hot_reserve=${engine.node_hot_reserve}: ${problem}` };
    },

    idle: ({ engine }) => (engine.node_mig_quota === 0 ? "node_mig_quota=0: nothing may be moved" : undefined),

    lacks({ engine, task }, nodes) {
      const empty = meansHugetlb(task) ? engine.node_pair.flat().find((wanted) => hugetlbOf(nodes, wanted).bytes === 0) : undefined;
      return empty === undefined ? undefined : `node ${empty} has no hugetlb pages of 2 MiB: write their number to its nr_hugepages`;
    },

    // Hugetlb pages have room of their own; what they use of the quota is not there for others.
    decide(groups, config, { pairs, nodes, sight, demotionShare }) {
      const { node_mig_quota: quota, node_hot_reserve: reserve } = config.engine;
      const room = (wanted: number, hugetlb: boolean): number => (
        hugetlb ? hugetlbOf(nodes, wanted).roomBytes : (nodes.find(({ node }) => node === wanted)?.roomBytes ?? 0));
      return pairs.flatMap(({ fast, slow }) => {
        let quotaBytes = quota * MIB;
        return [true, false].map((hugetlb) => {
          const pair = { fast, slow, fastFreeBytes: room(fast, hugetlb), slowFreeBytes: room(slow, hugetlb) };
          const limits = { threshold: thresholdOf(config, sight), quotaBytes, reserveBytes: reserve * MIB, demotionShare };
          const chosen = selectPages(groups.filter((group) => (group.hugetlb === true) === hugetlb), pair, limits);
          quotaBytes -= Math.max(bytesOf(chosen.toFast), bytesOf(chosen.toSlow));
          return { ...chosen, hugetlb };
        });
      });
    },
  },
});

function meansHugetlb({ vm_flags }: { readonly vm_flags: string }): boolean {
  return flagsOf(vm_flags).includes("ht");
}

/** The pool of 2 MiB pages on a node. */
function hugetlbOf(nodes: readonly NodeView[], wanted: number): { bytes: number; roomBytes: number } {
  const pool = nodes.find(({ node }) => node === wanted)?.hugePools.find(({ pageBytes }) => pageBytes === 2 * MIB);
  return { bytes: (pool?.pages ?? 0) * 2 * MIB, roomBytes: (pool?.freePages ?? 0) * 2 * MIB };
}

function bytesOf(takes: readonly Take[]): number {
  return takes.reduce((sum, { group, pages }) => sum + group.pageBytes * pages, 0);
}

function flagsOf(text: string): readonly string[] {
  return text.split(" ");
}

/** More than a page can be counted would make all of them cold. */
function thresholdOf({ project, engine }: { project: { loop: number }; engine: { hot_threshold: number } }, sight: { seesWrites: boolean }): number {
  return Math.min(engine.hot_threshold, sight.seesWrites ? 3 * project.loop : project.loop);
}
