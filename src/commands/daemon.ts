// etmemd -s NAME [-l LEVEL] [-m] [--state-dir DIR] [--conf-dir DIR] [--metrics-file FILE] [--proc DIR] [--sys DIR]
import { isAbsolute, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { checkSocketName } from "../protocol.ts";
import type { PlainModule, Surroundings } from "./command.ts";
import { parseWords, type GivenOption, type OptionRow } from "./getopt.ts";
import { givenFolders, PROC, SYS } from "./kernel-folders.ts";

const SOCKET: OptionRow = { long: "socket", short: "s", value: "NAME", required: true, doc: "Socket to listen on; clients give the same name." };
const LOG_LEVEL: OptionRow = {
  long: "log-level", short: "l", value: "LEVEL", doc: "Logs this level and those above: 0 debug, 1 info, 2 warning, 3 error (default).",
};
const MODE_SYSTEMCTL: OptionRow = {
  long: "mode-systemctl", short: "m", doc: "Goes to the background when the socket listens, for a unit of Type=forking.",
};
const STATE_DIR: OptionRow = {
  long: "state-dir", value: "DIR", ours: true,
  doc: "Stores projects, and whether they are started, in DIR; they come back after a restart or a crash.",
};
const CONF_DIR: OptionRow = {
  long: "conf-dir", value: "DIR", ours: true,
  doc: "Adds what stands in the files *.conf and *.toml of DIR, and starts its projects that say start=yes; reload and SIGHUP read it again.",
};
const METRICS_FILE: OptionRow = {
  long: "metrics-file", value: "FILE", ours: true,
  doc: "Writes metrics to FILE every 15 seconds, for node_exporter's textfile collector; its name must end in .prom.",
};
const DEFAULT_LEVEL = 3;

export const daemon: PlainModule = { options: [SOCKET, LOG_LEVEL, MODE_SYSTEMCTL, STATE_DIR, CONF_DIR, METRICS_FILE, PROC, SYS], run };

async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  const { options } = parseWords(argv, daemon.options);
  const settings = { socket: readSocket(options), logLevel: readLevel(options.findLast(({ row }) => row === LOG_LEVEL)?.value) };
  const stateDir = readDirectory(options, STATE_DIR, around), confDir = readDirectory(options, CONF_DIR, around);
  const metrics = readMetricsFile(options.findLast(({ row }) => row === METRICS_FILE)?.value, around);
  const folders = givenFolders(options, around);
  const { startDaemon } = await import("../daemon/start.ts");
  const detach = options.some(({ row }) => row === MODE_SYSTEMCTL);
  const given = { ...(stateDir === undefined ? {} : { stateDir }), ...(confDir === undefined ? {} : { confDir }) };
  return await startDaemon({ ...settings, ...given, ...metrics, folders, detach, argv }, around);
}

function readSocket(options: readonly GivenOption[]): string {
  const [given, again] = options.filter(({ row }) => row === SOCKET);
  // The client takes the last of several sockets; a daemon that was given two is more likely a mistake in its unit.
  if (again) throw new UsageError("-s NAME is given twice");
  return checkSocketName(given?.value ?? "");
}

/** As strtol(3) reads the whole word, whose empty one is 0. */
function readLevel(word: string | undefined): number {
  if (word === undefined) return DEFAULT_LEVEL;
  const level = /^\s*[+-]?\d+$/.test(word) ? Number(word) : word === "" ? 0 : Number.NaN;
  if (![0, 1, 2, 3].includes(level)) throw new UsageError(`-l ${word} is no log level; there are 0 (debug), 1 (info), 2 (warning) and 3 (error)`);
  return level;
}

function readDirectory(options: readonly GivenOption[], wanted: OptionRow, around: Surroundings): string | undefined {
  const word = options.findLast(({ row }) => row === wanted)?.value;
  if (word === "") throw new UsageError(`--${wanted.long} DIR is empty`);
  return word === undefined || isAbsolute(word) ? word : resolve(around.cwd, word);
}

/** The collector reads no other files, and says so nowhere. */
function readMetricsFile(word: string | undefined, around: Surroundings): { readonly metricsFile?: string } {
  if (word === undefined) return {};
  if (!/[^/]\.prom$/.test(word)) throw new UsageError(`--metrics-file ${word}: must end in .prom, or node_exporter does not read it`);
  return { metricsFile: isAbsolute(word) ? word : resolve(around.cwd, word) };
}
