// Hidden: the daemon's child that reads the kernel's BTF; prints byte offsets of struct members as JSON.
import { EXIT } from "../errors.ts";
import { readStructOffsets } from "../memory/struct-offsets.ts";
import type { PlainModule } from "./command.ts";

export const structOffsets: PlainModule = {
  options: [],
  run: (_argv, around) => {
    around.stdout(`${JSON.stringify(readStructOffsets())}\n`);
    return Promise.resolve(EXIT.ok);
  },
};
