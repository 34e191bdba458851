// One command line → exit code. Results go to stdout; an error is one line on stderr, a bug of ours is a stack.
import type { CommandEntry, CommandModule, PlainModule, Surroundings } from "./commands/command.ts";
import { lastValues, parseWords, type ParsedWords } from "./commands/getopt.ts";
import { HELP, printCommand, printGroup, printOverview } from "./commands/help.ts";
import { COMMANDS } from "./commands/index.ts";
import { nearest } from "./config/nearest.ts";
import { ConfigError, EtmemError, EXIT, UsageError } from "./errors.ts";

/** Runs one command line to its end. Never throws. */
export async function run(argv: readonly string[], around: Surroundings, commands: readonly CommandEntry[] = COMMANDS): Promise<number> {
  try {
    return await dispatch(argv, around, commands);
  } catch (error) {
    return report(error, around);
  }
}

const asksForHelp = (word: string | undefined): boolean => word === "help" || word === "-h" || word === "--help";

async function dispatch(argv: readonly string[], around: Surroundings, commands: readonly CommandEntry[]): Promise<number> {
  const [first, second] = argv;
  const visible = commands.filter(({ doc }) => doc !== undefined);
  if (first === undefined) throw new UsageError("a command is missing; see: etmem help");
  if (asksForHelp(first)) {
    if (second === undefined || asksForHelp(second)) return printOverview(visible, around);
    return await dispatch([...argv.slice(1), "help"], around, commands);
  }
  if (first.startsWith("-")) throw new UsageError(`"${first}" is no command, and options come behind one; see: etmem help`);
  const entry = commands.find(({ path }) => path.every((word, place) => argv[place] === word));
  if (entry) return await runEntry(entry, argv.slice(entry.path.length), around);
  const group = visible.filter(({ path }) => path[0] === first);
  const suggestion = suggest(first, visible.map(({ path }) => path[0] ?? ""));
  if (group.length === 0) throw new UsageError(`unknown command "${first}"${suggestion} (see: etmem help)`);
  if (asksForHelp(second)) return await printGroup(first, group, around);
  throw new UsageError(missingCommand(first, second, group.map(({ path }) => path[1] ?? "")));
}

function missingCommand(first: string, second: string | undefined, known: readonly string[]): string {
  const choice = `etmem ${first} ${known.join("|")}`;
  if (second === undefined) return `a command is missing: ${choice}`;
  if (second.startsWith("-")) return `the command comes before its options: ${choice}`;
  return `"${first}" has no command "${second}"${suggest(second, known)} (${choice})`;
}

function suggest(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `, did you mean ${meant}?`;
}

async function runEntry(entry: CommandEntry, argv: readonly string[], around: Surroundings): Promise<number> {
  const module = await entry.load();
  if (argv.length === 1 && argv[0] === "help") return printCommand(entry, module, around);
  if (entry.doc === undefined && "run" in module) return await module.run(argv, around);
  const place = around.program === "etmemd" ? "etmemd" : `etmem ${entry.path.join(" ")}`;
  const parsed = readWords(argv, module, place);
  if (parsed === "help") return printCommand(entry, module, around);
  return "run" in module ? await module.run(argv, around) : await execute(entry, { parsed, module, around });
}

function readWords(argv: readonly string[], module: CommandModule | PlainModule, place: string): ParsedWords | "help" {
  try {
    const parsed = parseWords(argv, [...module.options, HELP]);
    const { words = [] } = module;
    const surplus = parsed.words.slice(words.length);
    if (surplus.at(-1) === "help" || parsed.options.some(({ row }) => row === HELP)) return "help";
    if (surplus[0] !== undefined) throw new UsageError(`surplus word "${surplus[0]}"`);
    checkRequired(parsed, module);
    return parsed;
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${error.message}; see: ${place} --help`, { cause: error }) : error;
  }
}

function checkRequired({ options, words }: ParsedWords, module: CommandModule | PlainModule): void {
  const missing = module.words?.slice(words.length).find(({ required }) => required);
  if (missing) throw new UsageError(`${missing.name} is missing`);
  const values = lastValues(options);
  for (const row of module.options.filter(({ required }) => required)) {
    const name = row.short ? `-${row.short} ${row.value}` : `--${row.long} ${row.value}`;
    if (!values.has(row.long)) throw new UsageError(`${name} is missing`);
    if (values.get(row.long)?.value === "") throw new UsageError(`${name} is empty`);
  }
}

interface Execution {
  readonly parsed: ParsedWords;
  readonly module: CommandModule;
  readonly around: Surroundings;
}

/** Not by the library's `run`, which prints errors to stdout and always exits with 1. */
async function execute(entry: CommandEntry, { parsed, module, around }: Execution): Promise<number> {
  const [{ Cli }, { canonicalName }] = await Promise.all([import("clipanion"), import("./commands/option.ts")]);
  const options = [...lastValues(parsed.options).values()].map(({ row, value }) => `${canonicalName(row)}${value === undefined ? "" : `=${value}`}`);
  const words = parsed.words.length > 0 ? ["--", ...parsed.words] : [];
  const command = Cli.from([module.command], { enableColors: false }).process([...entry.path, ...options, ...words], { around });
  return (await command.validateAndExecute()) ?? EXIT.ok;
}

function report(error: unknown, { stderr, program }: Surroundings): number {
  if (error instanceof ConfigError) {
    stderr(`${error.problems.join("\n")}\n`);
    return error.exitCode;
  }
  if (error instanceof EtmemError) {
    stderr(`${program}: ${error.message.replaceAll("\n", "; ")}\n`);
    return error.exitCode;
  }
  const { stack } = error instanceof Error ? error : new Error(String(error));
  stderr(`${program}: internal error, please report it with these lines\n${stack ?? String(error)}\n`);
  return EXIT.bug;
}
