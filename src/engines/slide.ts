import { int, size } from "../config/field.ts";
import { formatBytes, GIB, PAGE_BYTES } from "../units.ts";
import { defineEngine } from "./engine.ts";

const WATERMARKS = "swapcache_high_wmark and swapcache_low_wmark go together, and the high one is the larger";

export const slide = defineEngine({
  name: "slide",
  doc: "Swaps out the pages that a process has not used for a while.",
  fields: {
    project: {
      sysmem_threshold: int(0, 100, { unit: "%", fallback: undefined, doc: "Swap out only while less memory than this is available." }),
      swapcache_high_wmark: int(1, 100, {
        unit: "%", fallback: undefined, aliases: ["swapcache_high_vmark"],
        doc: "Reclaim the swap cache when it holds more of the memory than this.",
      }),
      swapcache_low_wmark: int(1, 100, {
        unit: "%", fallback: undefined, aliases: ["swapcache_low_vmark"],
        doc: "Reclaim the swap cache until it holds no more of the memory than this.",
      }),
    },
    engine: {},
    task: {
      T: int(0, 360, {
        doc: "Pages seen accessed fewer times than this in a round are cold; at most loop * 3. " +
          "Above 1 pages in use go too; where they come back, the brake stops the task (brake=no does not).",
      }),
      swap_threshold: size({
        units: ["g"], unitRequired: true, maxTextBytes: 10, fallback: undefined,
        doc: "Leave a process alone while it has less memory than this in use.",
      }),
      dram_percent: int(1, 100, {
        unit: "%", fallback: undefined, outsideMeans: 0, doc: "Stop swapping out when only this share of the memory of a process is resident.",
      }),
    },
  },
  rules: [
    {
      section: "project", key: "swapcache_high_wmark", says: WATERMARKS,
      holds: ({ project: { swapcache_high_wmark: high, swapcache_low_wmark: low } }) =>
        high === undefined ? low === undefined : low !== undefined && high > low,
    },
    { section: "task", key: "T", says: "must be at most loop * 3", holds: ({ project, task }) => task.T <= project.loop * 3 },
  ],
  commands: {},
  policy: {
    refusal({ project, task }, sight) {
      if (!task.swap_flag || sight.seesSwapFlag) return undefined;
      if (project.tracker !== undefined && project.tracker !== "idle_pages") {
        return `swap_flag=yes needs tracker=idle_pages: ${project.tracker} does not see which memory is marked; nothing is moved`;
      }
      const why = sight.tracker === "idle_pages" ? "and a newer one: this one does not know marked memory" : "which is not loaded";
      return `swap_flag=yes needs openEuler's kernel module etmem_scan (modprobe etmem_scan), ${why}; nothing is moved`;
    },

    cautions({ project, task }, sight) {
      const cautions: string[] = [];
      if (!sight.seesWrites && task.T > project.loop) {
        cautions.push(`T=${task.T} counts as T=${project.loop}: ${sight.tracker} cannot tell writes from reads, a page is seen at most loop times`);
      }
      if (project.swapcache_high_wmark !== undefined && sight.noSwapCacheRelief !== undefined) {
        cautions.push(`swapcache_high_wmark has no effect: ${sight.noSwapCacheRelief}`);
      }
      return cautions;
    },

    gate({ project, task }, system, process) {
      if (system.swapTotalBytes === 0) return { go: false, reason: "there is no swap: swapon a zram device or a disk" };
      const available = (system.memAvailableBytes / system.memTotalBytes) * 100, { sysmem_threshold } = project, { swap_threshold } = task;
      if (sysmem_threshold !== undefined && available >= sysmem_threshold) {
        return { go: false, reason: `${available.toFixed(1)} % of the memory is available, sysmem_threshold=${sysmem_threshold}` };
      }
      if (swap_threshold !== undefined && process.rssBytes < swap_threshold) {
        return { go: false, reason: `the process has ${formatBytes(process.rssBytes)} resident, swap_threshold=${swap_threshold / GIB}g` };
      }
      if (task.T === 0) return { go: false, reason: "T=0: no page is seen accessed fewer than 0 times" };
      return { go: true };
    },

    swapCache({ project: { swapcache_high_wmark: highPercent, swapcache_low_wmark: lowPercent } }) {
      return highPercent === undefined || lowPercent === undefined ? undefined : { highPercent, lowPercent };
    },

    // A single window can miss a page whose translation stayed in the TLB: with loop=1 a second one confirms what seems cold.
    question: ({ project, task }, sight) => ({
      windows: Math.max(2, project.loop),
      threshold: sight.seesWrites ? task.T : Math.min(task.T, project.loop),
      ...(task.swap_flag ? { markedOnly: true } : {}),
    }),

    decide(heat, { task }, { question, process }) {
      if (!task.dram_percent) return { swapOut: heat.runsBelow(question.threshold) };
      const keptBytes = ((process.rssBytes + process.swapBytes) * task.dram_percent) / 100;
      return { swapOut: heat.runsBelow(question.threshold, Math.max(0, Math.floor((process.rssBytes - keptBytes) / PAGE_BYTES))) };
    },
  },
});
