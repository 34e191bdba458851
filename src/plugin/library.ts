// A library of C as an engine: its struct engine_ops, the structs that it sees, and the original's order of calls.
import { EtmemError } from "../errors.ts";
import { functionAt, openLibrary, symbolAddress } from "../ffi/dynamic-library.ts";
import {
  ENGINE, ENGINE_OPS, ENGINE_TYPE_THIRDPARTY, PAGE_SCAN, PROJECT, SCAN_TYPE_PAGE, TASK, VMA_SCAN_FLAG,
} from "../ffi/engine-structs.ts";
import { withKeyFile } from "../ffi/key-file.ts";
import { NativeStruct, nativeString } from "../ffi/native-memory.ts";
import type { EngineFacts, Entries, Findings, ProjectFacts, TaskFacts } from "./messages.ts";

type OpName = keyof typeof ENGINE_OPS.offsets;
type Task = NativeStruct<keyof typeof TASK.offsets>;

/** How each function of struct engine_ops is called. alloc_pid_params and free_pid_params are for pid lists, which a library has of its own. */
const SIGNATURES: Partial<Record<OpName, { readonly args: readonly ("usize" | "i32")[]; readonly returns: "i32" | "void" }>> = {
  fill_eng_params: { args: ["usize", "usize"], returns: "i32" },
  clear_eng_params: { args: ["usize"], returns: "void" },
  fill_task_params: { args: ["usize", "usize"], returns: "i32" },
  clear_task_params: { args: ["usize"], returns: "void" },
  start_task: { args: ["usize", "usize"], returns: "i32" },
  stop_task: { args: ["usize", "usize"], returns: "void" },
  eng_mgt_func: { args: ["usize", "usize", "usize", "i32"], returns: "i32" },
};

export interface LibraryPlace {
  /** What the operator calls it. */
  readonly path: string;
  /** Leads to the descriptor that was checked. */
  readonly loadFrom: string;
  /** Name of the variable of type struct engine_ops. */
  readonly opsName: string;
}

/** Every function throws EtmemError for what the library refuses. */
export class Library {
  /** Those of struct engine_ops that are not NULL. */
  readonly functions: readonly string[];
  readonly #opsAddress: number;
  readonly #handle: number;
  readonly #calls = new Map<string, (...values: number[]) => unknown>();
  readonly #engine = new NativeStruct(ENGINE);
  readonly #project = new NativeStruct(PROJECT);
  /** The newest last. */
  readonly #tasks = new Map<string, Task>();
  readonly #started = new Set<string>();

  constructor({ path, loadFrom, opsName }: LibraryPlace) {
    this.#handle = load(path, loadFrom);
    const address = symbolAddress(this.#handle, opsName);
    if (address === undefined) throw new EtmemError(`${path} has no variable ${opsName}: ops_name must be the name of its struct engine_ops`);
    this.#opsAddress = address;
    const ops = new NativeStruct(ENGINE_OPS, address);
    for (const [name, signature] of Object.entries(SIGNATURES)) {
      const pointer = ops.pointer(name as OpName);
      if (pointer !== 0) this.#calls.set(name, functionAt(pointer, signature.args, signature.returns) as (...values: number[]) => unknown);
    }
    this.functions = [...this.#calls.keys()];
  }

  addEngine({ name, project, written }: EngineFacts): void {
    fillProject(this.#project, project);
    this.#project.set({ engs: this.#engine.address });
    this.#engine.set({
      engine_type: ENGINE_TYPE_THIRDPARTY, name: nativeString(name), proj: this.#project.address, ops: this.#opsAddress, handler: this.#handle,
    });
    const fill = this.#calls.get("fill_eng_params");
    const answer = fill ? withKeyFile(keyFileText({ engine: written }), (keyFile) => fill(keyFile, this.#engine.address)) : 0;
    if (answer !== 0) throw new EtmemError(`fill_eng_params refuses the keys of [engine] ${name} (it returned ${String(answer)})`);
  }

  addTask({ id, name, type, value, maxThreads, swapFlag, written }: TaskFacts): Findings {
    const task = new NativeStruct(TASK);
    task.set({
      type: nativeString(type), value: nativeString(value), name: nativeString(name), max_threads: maxThreads,
      swap_flag: swapFlag ? VMA_SCAN_FLAG : 0, eng: this.#engine.address,
    });
    const fill = this.#calls.get("fill_task_params");
    const answer = fill ? withKeyFile(keyFileText(written), (keyFile) => fill(keyFile, task.address)) : 0;
    if (answer !== 0) throw new EtmemError(`fill_task_params refuses the keys of [task] ${name} (it returned ${String(answer)})`);
    this.#tasks.set(id, task);
    this.#link();
    return { problems: [], warnings: [] };
  }

  startTask(id: string): void {
    const task = this.#task(id), start = this.#calls.get("start_task");
    if (start === undefined) throw new EtmemError("the library has no start_task");
    const answer = start(this.#engine.address, task.address);
    if (answer !== 0) throw new EtmemError(`start_task returned ${String(answer)}`);
    this.#started.add(id);
    this.#project.set({ start: 1 });
  }

  stopTask(id: string): void {
    const task = this.#task(id);
    if (!this.#started.delete(id)) return;
    this.#calls.get("stop_task")?.(this.#engine.address, task.address);
    if (this.#started.size === 0) this.#project.set({ start: 0 });
  }

  /** The library writes its answer to the descriptor. */
  command(id: string | null, word: string, fd: number): void {
    const answer = this.#calls.get("eng_mgt_func")?.(this.#engine.address, id === null ? 0 : this.#task(id).address, nativeString(word), fd);
    if (answer === undefined) throw new EtmemError("the library has no commands (its eng_mgt_func is NULL)");
    if (answer !== 0) throw new EtmemError(`the library refuses the command ${word} (eng_mgt_func returned ${String(answer)})`);
  }

  removeTask(id: string): void {
    const task = this.#task(id);
    this.stopTask(id);
    this.#calls.get("clear_task_params")?.(task.address);
    this.#tasks.delete(id);
    this.#link();
  }

  removeEngine(): void {
    for (const id of [...this.#tasks.keys()].reverse()) this.removeTask(id);
    this.#calls.get("clear_eng_params")?.(this.#engine.address);
  }

  /** The list of tasks as the original has it, the newest first. */
  #link(): void {
    let next = 0;
    for (const task of this.#tasks.values()) {
      task.set({ next });
      next = task.address;
    }
    this.#engine.set({ tasks: next });
  }

  #task(id: string): Task {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new EtmemError(`no task ${id} has been added`);
    return task;
  }
}

function load(path: string, loadFrom: string): number {
  try {
    return openLibrary(loadFrom);
  } catch (cause) {
    throw new EtmemError(`${path} cannot be loaded: ${(cause as Error).message.replaceAll(loadFrom, path)}`, { cause });
  }
}

/** What is not set is -1, as in the original. */
function fillProject(struct: NativeStruct<keyof typeof PROJECT.offsets>, project: ProjectFacts): void {
  const scan = new NativeStruct(PAGE_SCAN);
  scan.set({ interval: project.interval, loop: project.loop, sleep: project.sleep });
  struct.set({
    name: nativeString(project.name), type: SCAN_TYPE_PAGE, scan_param: scan.address, sysmem_threshold: project.sysmem_threshold ?? -1,
    swapcache_high_wmark: project.swapcache_high_wmark ?? -1, swapcache_low_wmark: project.swapcache_low_wmark ?? -1,
  });
}

function keyFileText(sections: Readonly<Record<string, Entries>>): string {
  return Object.entries(sections).map(([name, entries]) => `[${name}]\n${entries.map(([key, value]) => `${key}=${value}\n`).join("")}`).join("\n");
}
