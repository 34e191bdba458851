// What a command is, and what it may see of the world around the program.
import type { CommandClass } from "clipanion";
import type { Sink } from "../log.ts";
import type { OptionRow } from "./getopt.ts";

/** Everything outside the program that a command may use; main.ts has the real one. */
export interface Surroundings {
  /** The name that the program was called by: `etmem` or `etmemd`. */
  readonly program: string;
  readonly version: string;
  /** Asked only where a relative path needs it: throws where the current directory is gone. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: { readonly stdout: boolean; readonly stderr: boolean };
  /** Writes all of the text; false when nobody reads any more, so that a long answer can end. */
  stdout(text: string): boolean;
  stderr(text: string): boolean;
  onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGWINCH" | "SIGCONT", listener: () => void): void;
  /** Where the daemon's log goes. */
  openLog(): Promise<Sink>;
  /** Does somebody listen on the abstract socket, with or without room for one more client? */
  isListening(name: string): Promise<boolean>;
  /** How to start this program again: the file, and the words before its own arguments. */
  readonly self: { readonly file: string; readonly leading: readonly string[] };
  /** The program of a round's worker; a compiled program finds it only from its entry file. */
  readonly roundWorker: URL;
}

/** May text on stdout be coloured? https://no-color.org: set to anything but nothing, there is no colour. */
export function isColourful({ isTerminal, env }: Pick<Surroundings, "isTerminal" | "env">): boolean {
  return isTerminal.stdout && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

/** A word that a command takes besides its options. */
export interface WordRow {
  readonly name: string;
  readonly required?: true;
  readonly doc: string;
}

/** A command of the client: its rows, and its class, whose fields are made from the same rows. */
export interface CommandModule {
  readonly options: readonly OptionRow[];
  readonly words?: readonly WordRow[];
  readonly command: CommandClass<EtmemContext>;
}

/** A command that does without the command-line library: the daemon, which shall stay small, and children, which shall start fast. */
export interface PlainModule {
  readonly options: readonly OptionRow[];
  readonly words?: readonly WordRow[];
  run(argv: readonly string[], around: Surroundings): Promise<number>;
}

/** A line of the list of commands. */
export interface CommandEntry {
  readonly path: readonly string[];
  /** One sentence for `etmem help`; a command without it is hidden. */
  readonly doc?: string;
  readonly load: () => Promise<CommandModule | PlainModule>;
}

/** The context in which the command-line library runs a command. */
export type EtmemContext = import("clipanion").BaseContext & { readonly around: Surroundings };
