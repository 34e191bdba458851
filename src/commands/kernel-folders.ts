// --proc DIR and --sys DIR: where the kernel's files are, for commands that read them.
import { isAbsolute, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import type { Surroundings } from "./command.ts";
import { lastValues, type GivenOption, type OptionRow } from "./getopt.ts";

export const PROC: OptionRow = {
  long: "proc", value: "DIR", ours: true, doc: "Folder where proc is mounted, for a container that has the host's elsewhere.",
};

export const SYS: OptionRow = { long: "sys", value: "DIR", ours: true, doc: "Folder where sysfs is mounted, likewise." };

/** The folders that were given, as absolute paths: a daemon does not stay where it was started. */
export function givenFolders(options: readonly GivenOption[], around: Surroundings): { readonly proc?: string; readonly sys?: string } {
  const given = lastValues(options);
  return { ...folder("proc", given.get(PROC.long)?.value, around), ...folder("sys", given.get(SYS.long)?.value, around) };
}

function folder<Name extends "proc" | "sys">(name: Name, word: string | undefined, around: Surroundings): { readonly [name in Name]?: string } {
  if (word === undefined) return {};
  if (word === "") throw new UsageError(`--${name} DIR is empty`);
  const path = isAbsolute(word) ? word : resolve(around.cwd, word);
  return { [name]: path.replace(/(?<=.)\/+$/, "") } as { readonly [name in Name]?: string };
}
