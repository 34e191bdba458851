// Threads of DAMON, whoever started them: by sysfs, by a module such as damon_reclaim, or in the kernel itself.
import { damonFolder } from "./damon-admin.ts";
import { namesIn, readTextIfAny } from "./kernel-text.ts";
import { readProcesses } from "./process.ts";
import type { Root } from "./root.ts";

export interface Kdamond {
  readonly pid: number;
  /** vaddr, fvaddr or paddr; absent where sysfs does not tell, as for modules. */
  readonly operations?: string;
  /** All that this kernel's DAMON can watch by; absent where sysfs does not tell. */
  readonly offered?: readonly string[];
}

/** Those that run. Documentation/admin-guide/mm/damon/usage.rst */
export function readKdamonds(root: Root): Kdamond[] {
  const known = new Map(readAdmin(root));
  return readProcesses(root)
    .filter(({ comm, kernelThread }) => kernelThread && comm.startsWith("kdamond"))
    .map(({ pid }) => ({ pid, ...known.get(pid) }));
}

function readAdmin(root: Root): [number, Omit<Kdamond, "pid">][] {
  const folder = damonFolder(root);
  return namesIn(folder, /^\d+$/).map((name) => {
    const context = `${folder}/${name}/contexts/0`, operations = readTextIfAny(`${context}/operations`);
    const offered = readTextIfAny(`${context}/avail_operations`)?.split(/\s+/);
    return [Number(readTextIfAny(`${folder}/${name}/pid`) ?? -1), {
      ...(operations === undefined ? {} : { operations }), ...(offered === undefined ? {} : { offered }),
    }];
  });
}
