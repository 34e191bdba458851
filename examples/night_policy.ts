// Swaps out the coldest pages of a process at night, and leaves so much of it in memory that the morning begins quickly.
import type { Etmem } from "./etmem.d.ts";

export const night_policy = ({ int, size, policy }: Etmem) => policy({
  fields: {
    engine: {
      from_hour: int(0, 23, { unit: "h", doc: "Hour of the day, UTC, at which it begins." }),
      to_hour: int(0, 23, { unit: "h", doc: "Hour of the day at which it ends; the same as from_hour means always." }),
    },
    task: {
      T: int(1, 120, { doc: "Pages seen accessed fewer times than this in a round are cold." }),
      keep: size({ fallback: 0, doc: "Leave at least so much of the process in memory." }),
    },
  },
  gate({ engine: { from_hour: from, to_hour: to }, task }, _system, process) {
    const hour = new Date().getUTCHours(), isNight = from < to ? hour >= from && hour < to : from === to || hour >= from || hour < to;
    if (!isNight) return { go: false, reason: `it is ${hour} h, from_hour=${from}, to_hour=${to}` };
    return process.rssBytes > task.keep ? { go: true } : { go: false, reason: `no more than keep=${task.keep} bytes are in memory` };
  },
  question: ({ project, task }) => ({ windows: Math.max(2, project.loop), threshold: Math.min(task.T, project.loop) }),
  decide: (heat, { task }, { question, process }) =>
    ({ swapOut: heat.runsBelow(question.threshold, Math.max(0, Math.floor((process.rssBytes - task.keep) / 4096))) }),
});
