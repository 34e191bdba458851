// The daemon's own memory: it waits most of its life, and should be small then.
import { madvise } from "../ffi/libc.ts";
import { ADVICE } from "../ffi/process-madvise.ts";
import { VMA, readMaps } from "../proc/maps.ts";
import { kernelRoot, type Root } from "../proc/root.ts";

/**
 * Collects garbage and lets go of the pages of the executable, which are read again from its file when they are needed: some 25 MiB
 * of resident memory, as long as no other process runs the same file. Never fails: what cannot be let go of stays.
 */
export function giveBackMemory(root: Root = kernelRoot): void {
  Bun.gc(true);
  const vmas = readMaps(root, "self");
  for (let i = 0; vmas && i < vmas.count; i++) {
    if ((vmas.kind[i]! & (VMA.file | VMA.pageable)) !== VMA.file) continue; // no private writable ones: their pages would go to swap
    try {
      madvise(vmas.start[i]!, vmas.end[i]! - vmas.start[i]!, ADVICE.pageout);
    } catch {
      continue; // a mapping of a device or one that is locked
    }
  }
}
