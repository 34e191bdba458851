// The process in which a library or policy of others lives: asked one thing after another over a pipe, and ended by whoever asks when it does not
// answer. It waits in a read of its own, so that a call that never returns keeps nothing but this process.
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { EtmemError } from "../errors.ts";
import { defaultSignals, duplicateAbove, replaceDescriptor, setLimit } from "../ffi/confinement.ts";
import { readTextIfAny } from "../proc/kernel-text.ts";
import type { Root } from "../proc/root.ts";
import { encodeFrame, FrameReader, MAX_TEXT, QUESTION_LIMITS } from "./frames.ts";
import { TEXT_FD } from "./confine.ts";
import { Library } from "./library.ts";
import type { LibraryKind } from "./library-file.ts";
import type { Ask, HostCall, HostCalls, Told } from "./messages.ts";
import { Policies } from "./policies.ts";

export interface HostOrder {
  /** The open file of the library or policy, checked. */
  readonly fd: number;
  readonly kind: LibraryKind;
  readonly path: string;
  /** `ops_name`. */
  readonly name: string;
  readonly group: string | null;
}

/** Where the pipes are moved to: what a library prints is for the log, and what it reads is nothing. */
const PIPES_ABOVE = 200;
/** Memory that a plugin may have beyond what the runtime has reserved for itself. A policy gets heat maps, of which the largest is 0.6 GB. */
const MAX_DATA_BYTES = { library: 2 ** 29, policy: 2 ** 31 } as const;
/** SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV. */
const CRASHES = [4, 6, 7, 8, 11];
const READ_BYTES = 1 << 20;

/** Answers until nobody asks any more. */
export async function runHost(order: HostOrder, root: Root): Promise<void> {
  const pipes = takePipes();
  const tell = (told: Told, bytes?: Uint8Array): void => {
    for (const part of encodeFrame(told, bytes)) writeAll(pipes.out, part);
  };
  tell({ group: order.group });
  let plugin: Plugin;
  try {
    plugin = await load(order, root);
  } catch (error) {
    tell({ id: null, error: (error as Error).message.slice(0, MAX_TEXT) });
    return;
  }
  tell({ functions: plugin.functions });
  const frames = new FrameReader(() => QUESTION_LIMITS), buffer = new Uint8Array(READ_BYTES);
  for (let got = readSync(pipes.in, buffer); got > 0; got = readSync(pipes.in, buffer)) {
    for (const { json, bytes } of frames.push(buffer.slice(0, got))) {
      const ask = json as Ask;
      try {
        const { answer, bytes: given } = await plugin.answer(ask, bytes);
        tell({ id: ask.id, answer }, given);
      } catch (error) {
        tell({ id: ask.id, error: (error as Error).message.slice(0, MAX_TEXT) });
      }
    }
  }
}

/** Tells the daemon why there is nothing to ask. */
export function sayFailure({ message }: Error): void {
  for (const part of encodeFrame({ id: null, error: message } satisfies Told)) writeAll(1, part);
}

interface Plugin {
  readonly functions: readonly string[];
  answer(ask: Ask, bytes: Uint8Array): Promise<{ readonly answer: unknown; readonly bytes?: Uint8Array }>;
}

async function load(order: HostOrder, root: Root): Promise<Plugin> {
  const { fd, kind, path, name } = order;
  setLimit("DATA", ownDataBytes(root) + MAX_DATA_BYTES[kind]);
  if (kind === "policy") return await Policies.load({ fd, path, name });
  defaultSignals(CRASHES);
  const library = new Library({ path, loadFrom: `${root.proc}/self/fd/${fd}`, opsName: name });
  const textFd = duplicateAbove(TEXT_FD, PIPES_ABOVE);
  return { functions: library.functions, answer: async (ask) => ({ answer: callLibrary(library, ask, textFd) }) };
}

/** What each question calls. */
const LIBRARY_CALLS: { readonly [C in HostCall]?: (library: Library, asked: HostCalls[C]["asked"], textFd: number) => unknown } = {
  addEngine: (library, facts) => library.addEngine(facts),
  addTask: (library, facts) => library.addTask(facts),
  startTask: (library, { id }) => library.startTask(id),
  stopTask: (library, { id }) => library.stopTask(id),
  removeTask: (library, { id }) => library.removeTask(id),
  removeEngine: (library) => library.removeEngine(),
  command(library, { id, word, mark }, textFd) {
    replaceDescriptor(textFd, TEXT_FD); // whatever the library did to it the last time
    try {
      library.command(id, word, TEXT_FD);
    } finally {
      writeAll(textFd, new TextEncoder().encode(mark));
    }
  },
};

function callLibrary(library: Library, { call, asked }: Ask, textFd: number): unknown {
  const work = LIBRARY_CALLS[call] as ((library: Library, asked: unknown, textFd: number) => unknown) | undefined;
  if (work === undefined) throw new EtmemError(`a library is not asked for ${call}`);
  return work(library, asked, textFd) ?? null;
}

/** Standard output becomes standard error, and standard input the null device: neither leads to the daemon's questions. */
function takePipes(): { readonly in: number; readonly out: number } {
  const pipes = { in: duplicateAbove(0, PIPES_ABOVE), out: duplicateAbove(1, PIPES_ABOVE) };
  const nothing = openSync("/dev/null", "r");
  replaceDescriptor(nothing, 0);
  closeSync(nothing);
  replaceDescriptor(2, 1);
  return pipes;
}

function ownDataBytes(root: Root): number {
  return Number(/^VmData:\s+(\d+) kB$/m.exec(readTextIfAny(`${root.proc}/self/status`) ?? "")?.[1] ?? 0) * 1024;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
