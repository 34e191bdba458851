// Builds the daemon from its parts, and takes it down again.
import { cpus } from "node:os";
import { engineTables } from "../engines/index.ts";
import { DeniedError, EtmemError, EXIT, SysError } from "../errors.ts";
import { setProcessName } from "../ffi/self.ts";
import { createLog, type Log, type Sink } from "../log.ts";
import { kernelFolders, requireOwnPids } from "../memory/kernel-folders.ts";
import { readNodes } from "../memory/nodes.ts";
import { giveBackMemory } from "../memory/own-memory.ts";
import { FaultWatch } from "../memory/refaults.ts";
import { LOCK_FILE, TargetLocks } from "../memory/target-locks.ts";
import { Accounts } from "./accounts.ts";
import { launchDetached, PID_FILE, READY_FD, removePidFile, reportOutcome, writePidFile } from "./detach.ts";
import { createDispatch, show, type Dispatch } from "./dispatch.ts";
import { idleMemory, MANY_REQUESTS } from "./idle-memory.ts";
import type { MetricsFile } from "./metrics-file.ts";
import { createNotifier } from "./notify.ts";
import { Objects, type TaskSpec } from "./objects.ts";
import { readOffsetsInChild } from "./offsets.ts";
import { endOrphans } from "./orphans.ts";
import { OwnFigures } from "./own-figures.ts";
import { createRounds, type Rounds } from "./rounds.ts";
import { listen } from "./server.ts";
import { createServiceStatus, type ServiceStatus } from "./service-status.ts";
import type { State } from "./state.ts";

/** The command line of the daemon. */
export interface DaemonSettings {
  readonly socket: string;
  readonly logLevel: number;
  /** Go to the background when the socket listens. */
  readonly detach: boolean;
  /** The words as they were given, for the process in the background. */
  readonly argv: readonly string[];
  /** Where projects and their state survive the daemon; without it nothing is written. */
  readonly stateDir?: string;
  /** Where to write metrics again and again, an absolute path; without it nowhere. */
  readonly metricsFile?: string;
  /** Files of objects that are there from the start, and are read again when somebody asks for it. */
  readonly confDir?: string;
  /** Where the kernel's files are, if not at their usual places. */
  readonly folders?: { readonly proc?: string; readonly sys?: string };
}

/** What the daemon uses of the world around the program. */
export interface DaemonSurroundings {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly self: { readonly file: string; readonly leading: readonly string[] };
  readonly roundWorker: URL;
  onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP", listener: () => void): void;
  openLog(): Promise<Sink>;
}

/** Runs the daemon until a signal ends it; gives the exit code. */
export async function startDaemon(settings: DaemonSettings, around: DaemonSurroundings): Promise<number> {
  const uid = process.getuid?.();
  if (uid !== 0) throw new DeniedError(`the daemon must be started by root (uid 0), this is uid ${uid}`);
  const { env, self } = around;
  if (settings.detach && env[READY_FD] === undefined) {
    return await launchDetached({ file: self.file, argv: [...self.leading, ...settings.argv], env });
  }
  try {
    return await serve(settings, around);
  } catch (error) {
    reportOutcome(env, { error: error instanceof EtmemError ? error.message : String(error) });
    throw error;
  }
}

async function serve(settings: DaemonSettings, around: DaemonSurroundings): Promise<number> {
  const { socket, detach, confDir } = settings, { env, version, self } = around;
  const root = kernelFolders(settings.folders ?? {});
  requireOwnPids(root);
  setProcessName("etmemd");
  const log = createLog(settings.logLevel, await around.openLog()), ended = untilSignal(around), begun = Promise.withResolvers<void>();
  const hangup = confDir === undefined ? () => log.info("ignored a signal", { signal: "SIGHUP" }) : () => readAgain(dispatch, log);
  around.onSignal("SIGHUP", () => void begun.promise.then(hangup));
  const state = await openState(settings, log);
  const accounts = new Accounts({ log, file: state?.beside("accounts.json") });
  const own = new OwnFigures(version), nodes = () => readNodes(root), rounds = createRounds({
    nodes, log, accounts, self, root, worker: around.roundWorker, threads: cpus().length,
    offsets: () => readOffsetsInChild(self, root), locks: openLocks(),
    faults: new FaultWatch(root), done: own.rounds.enter, idle: () => memory.rest(),
  });
  const notifier = createNotifier(env, log), status = createServiceStatus(notifier, confDir);
  const objects = new Objects({ engines: engineTables, cores: cpus().length, machine: nodes, keptAside: keptBy(state) });
  const memory = idleMemory({ isIdle: () => objects.count().started === 0, giveBack: () => giveBackMemory(root), collect: () => Bun.gc(false) });
  state?.restore(objects);
  void endOrphans(root, log);
  await rounds.reconcile?.(objects.foreign());
  const dispatch = createDispatch({
    objects, rounds, log, version, own,
    changed: (count) => {
      status.changed(count);
      memory.answered(MANY_REQUESTS);
    },
    ...(state === undefined ? {} : { save: (operation) => state.save(operation) }),
    ...(confDir === undefined ? {} : { declared: declaredIn(confDir, own, status) }),
  });
  // Nobody is answered before all runs that shall run: two starts of one task would be one too many.
  const server = listen({ socket, log, answer: (...asked) => begun.promise.then(() => dispatch.answer(...asked)).finally(() => memory.answered(1)) });
  let metrics: MetricsFile | undefined;
  try {
    if (detach) writePidFile(PID_FILE, process.pid);
    await startAll({ objects, rounds, dispatch, log, declares: confDir !== undefined });
    metrics = await writeMetrics(settings.metricsFile, { objects, rounds, log, own });
  } catch (error) {
    server.close();
    await rounds.close();
    if (detach) removePidFile(PID_FILE, process.pid);
    throw error;
  }
  begun.resolve();
  status.ready(state === undefined ? `Listening on socket ${socket}` : `Listening on socket ${socket}, ${state.summary}`);
  reportOutcome(env, { ready: process.pid });
  log.info("listening", { socket, pid: process.pid, version });
  memory.rest();
  log.info("stopping", { signal: await ended });
  notifier.stopping();
  // The last change may still start a round: rounds end behind it.
  await dispatch.close();
  await rounds.close();
  server.close();
  notifier.close();
  await metrics?.close();
  if (detach) removePidFile(PID_FILE, process.pid);
  log.info("stopped", { socket });
  return EXIT.ok;
}

/** Both of them hear how reading the directory went. */
function declaredIn(dir: string, own: OwnFigures, status: ServiceStatus): { dir: string; reading(): void; read(problems: number): void } {
  const read = (problems: number): void => {
    own.read(problems);
    status.read(problems);
  };
  return { dir, reading: status.reading, read };
}

/** The directory is read before anything runs, so that no task runs with keys that have changed meanwhile. */
async function startAll(
  { objects, rounds, dispatch, log, declares }: { objects: Objects; rounds: Rounds; dispatch: Dispatch; log: Log; declares: boolean },
): Promise<void> {
  const begun = declares ? await readAgain(dispatch, log) : [];
  for (const task of objects.startedTasks()) if (!begun.includes(task)) rounds.start(task, objects.isPaused(task.project));
}

/** Loaded only where it is wanted, as are metrics: what is loaded stays in memory. */
async function openState({ stateDir, confDir }: DaemonSettings, log: Log): Promise<State | undefined> {
  if (stateDir === undefined) return undefined;
  const { State: Opened } = await import("./state.ts");
  return new Opened({ dir: stateDir, log, declares: confDir !== undefined });
}

/** Begins to write metrics, if that is wanted. */
async function writeMetrics(
  path: string | undefined, { objects, rounds, log, own }: { objects: Objects; rounds: Rounds; log: Log; own: OwnFigures },
): Promise<MetricsFile | undefined> {
  if (path === undefined) return undefined;
  const [{ openMetricsFile }, { familiesOf }, { prometheusParts }] = await Promise.all([
    import("./metrics-file.ts"), import("../metrics/families.ts"), import("../metrics/openmetrics.ts"),
  ]);
  const parts = (): Iterable<string> => prometheusParts(familiesOf(own.figures(), show(undefined, objects, rounds)));
  return await openMetricsFile({ path, log, parts });
}

/** Names that can be deleted although nothing has them. */
function keptBy(state: State | undefined): (names: readonly string[]) => boolean {
  return (names) => state?.keepsAside(names) === true;
}

/** Without the file that all daemons share, two of them could work on one process. */
function openLocks(): TargetLocks {
  try {
    return new TargetLocks();
  } catch (error) {
    const { code, syscall } = error as { code?: unknown; syscall?: unknown };
    if (error instanceof EtmemError || typeof code !== "string") throw error;
    throw new SysError(String(syscall ?? "open"), LOCK_FILE, code, "the daemon needs a writable folder for its locks there");
  }
}

/** Nobody waits for an answer: what is wrong goes to the log alone. Gives the tasks that it has started. */
async function readAgain(dispatch: Dispatch, log: Log): Promise<readonly TaskSpec[]> {
  try {
    return (await dispatch.reload()).start;
  } catch (error) {
    if (!(error instanceof EtmemError)) log.bug("internal error", error);
    else for (const line of error.message.split("\n")) log.error(line);
    return [];
  }
}

function untilSignal(around: DaemonSurroundings): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  around.onSignal("SIGTERM", () => resolve("SIGTERM"));
  around.onSignal("SIGINT", () => resolve("SIGINT"));
  return promise;
}
