// The configuration directory: which of its files count, and what stands in them.
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { parseFile } from "../config/file.ts";
import type { RawFile } from "../config/raw.ts";
import { readConfigFile } from "../config/read-file.ts";
import { ConfigError, EtmemError, SysError } from "../errors.ts";
import { Slices } from "./unhurried.ts";

/** All that a configuration directory says. */
export interface ConfDirFiles {
  /** In the order of their names; files without any section are left out. */
  readonly files: readonly RawFile[];
  /** Lines about files that cannot be read, or must not be. */
  readonly unread: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads every file that counts. Throws ConfigError where there is no such directory: one that is gone is no empty one. */
export async function readConfDir(dir: string, options: { readonly waived?: boolean } = {}): Promise<ConfDirFiles> {
  const { names, warnings } = listDirectory(dir);
  const files: RawFile[] = [], unread: string[] = [], slices = new Slices();
  for (const name of names.filter(isConfigName).sort(byBytes)) {
    const path = join(dir, name);
    await slices.rest();
    try {
      requireInside(dir, path);
      files.push(await parseFile(readConfigFile(path, options), path));
    } catch (error) {
      if (!(error instanceof EtmemError)) throw error;
      unread.push(...(error instanceof ConfigError ? error.problems : [error.message]));
    }
  }
  // A file of comments only is one that somebody has switched off.
  const used = files.filter(({ sections, problems }) => sections.length > 0 || problems.length > 0);
  return { files: used, unread, warnings: [...warnings, ...leftOut(dir, names)] };
}

/** What package managers and editors leave behind has other endings, or begins with a dot. */
export function isConfigName(name: string): boolean {
  return /^[^.].*\.(?:conf|toml)$/s.test(name);
}

/** The original's files are called so; silence would look as if they were read. */
function leftOut(dir: string, names: readonly string[]): string[] {
  const likely = names.filter((name) => /^[^.].*\.ya?ml$/s.test(name)).sort(byBytes);
  return likely.length === 0 ? [] : [`${dir}: only names that end in .conf or .toml are read here, not ${likely.join(", ")}`];
}

function listDirectory(dir: string): { readonly names: readonly string[]; readonly warnings: readonly string[] } {
  try {
    const names = readdirSync(dir), { uid, mode } = statSync(dir), bits = (mode & 0o777).toString(8);
    if (uid === 0 && (mode & 0o022) === 0) return { names, warnings: [] };
    return { names, warnings: [`${dir}: others than root may take files away here: owner uid ${uid}, mode ${bits}`] };
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    if (code === "ENOENT" || code === "ENOTDIR") throw new ConfigError([`${dir}: there is no such directory`]);
    throw new SysError("readdir", dir, code);
  }
}

/** A link may lead to another name in the directory, as those of Kubernetes do, and nowhere else. */
function requireInside(dir: string, path: string): void {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return; // What is wrong with it, reading says.
  }
  if (!real.startsWith(`${realpathSync(dir)}${sep}`)) throw new ConfigError([`${path}: leads out of the directory, to ${real}`]);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
