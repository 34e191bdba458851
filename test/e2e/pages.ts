// Where the pages of a process are, asked from the kernel and compared with the truth of a workload.
import { closeSync, openSync, readSync } from "node:fs";

/** One byte a page: 0 = nowhere yet, 1 = in memory, 2 = in swap. */
export function pageStates(pid: number, range: { start: number; bytes: number; pageBytes: number }): Uint8Array {
  const pages = range.bytes / range.pageBytes;
  const words = new Uint32Array(pages * 2);
  const fd = openSync(`/proc/${pid}/pagemap`, "r");
  try {
    for (let read = 0; read < words.byteLength;) {
      const got = readSync(fd, words, read, words.byteLength - read, (range.start / range.pageBytes) * 8 + read);
      if (got === 0) throw new Error(`pagemap of ${pid} ends early`);
      read += got;
    }
  } finally {
    closeSync(fd);
  }
  // Bit 63 = present, bit 62 = in swap. Documentation/admin-guide/mm/pagemap.rst
  return Uint8Array.from({ length: pages }, (_, page) => {
    const high = words[page * 2 + 1] ?? 0;
    return high >>> 31 ? 1 : ((high >>> 30) & 1) * 2;
  });
}

/** How well what went to swap fits the truth: parts of the cold and of the hot pages that are out. */
export function swappedShares(states: Uint8Array, hot: Uint8Array): { cold: number; hot: number } {
  let coldOut = 0, hotOut = 0, hotPages = 0;
  for (let page = 0; page < states.length; page++) {
    const isHot = hot[page] === 1, isOut = states[page] === 2;
    hotPages += isHot ? 1 : 0;
    if (isOut && isHot) hotOut += 1;
    else if (isOut) coldOut += 1;
  }
  const coldPages = states.length - hotPages;
  return { cold: coldPages === 0 ? 0 : coldOut / coldPages, hot: hotPages === 0 ? 0 : hotOut / hotPages };
}
