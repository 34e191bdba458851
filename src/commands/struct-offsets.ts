// Hidden: struct-offsets [--proc DIR] [--sys DIR]: the daemon's child that reads the kernel's BTF; prints byte offsets of struct members as JSON.
import { EXIT } from "../errors.ts";
import { kernelFolders } from "../memory/kernel-folders.ts";
import { readStructOffsets } from "../memory/struct-offsets.ts";
import type { PlainModule } from "./command.ts";
import { parseWords } from "./getopt.ts";
import { givenFolders, PROC, SYS } from "./kernel-folders.ts";

export const structOffsets: PlainModule = {
  options: [],
  run: (argv, around) => {
    const folders = givenFolders(parseWords(argv, [PROC, SYS]).options, around);
    around.stdout(`${JSON.stringify(readStructOffsets(kernelFolders(folders)))}\n`);
    return Promise.resolve(EXIT.ok);
  },
};
