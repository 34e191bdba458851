// From the rows of options to the fields of a command's class; and the rows that several commands share.
import { isAbsolute, resolve } from "node:path";
import { Command, Option } from "clipanion";
import { sendJson, sendRequest } from "../client.ts";
import type { JsonRequest, WireRequest } from "../protocol.ts";
import type { ShownProject } from "../status.ts";
import type { EtmemContext } from "./command.ts";
import type { OptionRow } from "./getopt.ts";

/** What every command of the client is derived from. */
export abstract class EtmemCommand extends Command<EtmemContext> {
  protected get around(): EtmemContext["around"] {
    return this.context.around;
  }

  /** Sends a request in the original's form; gives the text of the answer. */
  protected send(socket: string, request: WireRequest): Promise<string> {
    return sendRequest({ socket, isListening: this.around.isListening }, request);
  }

  /** Sends a request in JSON; gives each line of the answer as it comes. */
  protected sendJson(socket: string, request: JsonRequest, take: (line: unknown) => void): Promise<void> {
    return sendJson({ socket, isListening: this.around.isListening }, request, take);
  }

  /** The projects, or one of them, with what their tasks do. */
  protected async shownProjects(socket: string, name: string | undefined): Promise<ShownProject[]> {
    const projects: ShownProject[] = [];
    const show = name === undefined ? {} : { name };
    await this.sendJson(socket, { show }, (line) => projects.push((line as { readonly project: ShownProject }).project));
    return projects;
  }
}

/** The one spelling in which an option reaches the command-line library, which has no `_` in names. */
export function canonicalName(row: OptionRow): string {
  return `--${row.long.replaceAll("_", "-")}`;
}

/** The path as the daemon can open it. An absolute one stays as it is: `..` behind a symbolic link is not what it looks like. */
export function absolutePath(path: string, around: { readonly cwd: string }): string {
  return isAbsolute(path) ? path : resolve(around.cwd, path);
}

/** The field of an option with a value that may be left out. */
export function optionalText(row: OptionRow): string | undefined {
  return Option.String(canonicalName(row), { description: row.doc });
}

/** The field of an option with a value that cli.ts has seen to be there, or that has a default. */
export function text(row: OptionRow, fallback = ""): string {
  return Option.String(canonicalName(row), fallback, { description: row.doc });
}

/** The field of an option without value. */
export function flag(row: OptionRow): boolean {
  return Option.Boolean(canonicalName(row), false, { description: row.doc });
}

/** The socket that the examples of the user guide name. */
export const DEFAULT_SOCKET = "etmemd_socket";

export const SOCKET: OptionRow = { long: "socket", short: "s", value: "NAME", doc: `Socket of the daemon to ask, ${DEFAULT_SOCKET} if not given.` };

export const PROJECT_NAME: OptionRow = { long: "name", short: "n", value: "NAME", doc: "Name of the project." };

export const TASK_NAME: OptionRow = { long: "task", short: "t", value: "TASK", doc: "Name of the task." };
