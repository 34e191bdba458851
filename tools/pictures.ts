// The pictures of the README, drawn by the program's own code from made-up figures. `bun tools/pictures.ts` writes them below pictures/.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { heatmapPicture } from "./heatmap-picture.ts";
import { topPicture } from "./top-picture.ts";

/** A file of the repository. */
interface Picture {
  readonly path: string;
  svg(): string;
}

/** Each picture by its path. Nothing in one depends on the machine, so that drawing it again gives the same. */
export const PICTURES: readonly Picture[] = [
  { path: "pictures/top.svg", svg: topPicture },
  { path: "pictures/heatmap.svg", svg: heatmapPicture },
];

if (import.meta.main) {
  for (const { path, svg } of PICTURES) {
    const file = join(import.meta.dir, "..", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, svg());
    console.log(`wrote ${path}`);
  }
}
