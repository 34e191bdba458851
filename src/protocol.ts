// What goes over the socket: the original's request and reply, byte for byte, and our own requests in JSON lines beside them. Pure.
import { UsageError } from "./errors.ts";

/** Longest request the original's daemon reads, in bytes. */
export const MAX_REQUEST_BYTES = 512;

/** Longest socket name: sun_path has 108 bytes, of which the original gives one to the leading NUL and one to an end that it does not send. */
const MAX_SOCKET_NAME_BYTES = 106;

/** The last byte of every answer of the original's protocol. Neither occurs in UTF-8. */
const REPLY_OK = 0xff;
const REPLY_FAILED = 0xfe;

/** The numbers that stand for commands in a request. */
export const COMMAND = { objAdd: 0, objDel: 1, projectStart: 2, projectStop: 3, projectShow: 4, engine: 5 } as const;

/** A request in the original's form. An absent value travels as `-`. */
export interface WireRequest {
  readonly project?: string;
  readonly file?: string;
  readonly command: number;
  readonly engine?: string;
  readonly engineCommand?: string;
  readonly task?: string;
}

/** What the bytes received so far are. `open` means that the last value may still grow: the protocol has no terminator. */
export type ParsedRequest =
  | { readonly kind: "complete"; readonly request: WireRequest }
  | { readonly kind: "open"; readonly request: WireRequest }
  | { readonly kind: "incomplete" }
  | { readonly kind: "malformed" };

const FIELDS = [
  ["project", "proj_name"], ["file", "file_name"], ["command", "cmd"],
  ["engine", "eng_name"], ["engineCommand", "eng_cmd"], ["task", "task_name"],
] as const;

/** The name as both ends may use it. */
export function checkSocketName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw new UsageError("the name of the socket is empty");
  if (bytes > MAX_SOCKET_NAME_BYTES) {
    throw new UsageError(`the name of the socket is ${bytes} bytes long, at most ${MAX_SOCKET_NAME_BYTES} are possible`);
  }
  return name;
}

/** The bytes of a request. Throws for values that this protocol has no way to carry. */
export function encodeRequest(request: WireRequest): Uint8Array {
  const words = FIELDS.map(([field, key]) => `${key} ${encodeValue(request[field])}`);
  const bytes = new TextEncoder().encode(words.join(" "));
  if (bytes.length > MAX_REQUEST_BYTES) {
    throw new UsageError(`the request is ${bytes.length} bytes long, the daemon takes at most ${MAX_REQUEST_BYTES}: use a shorter path`);
  }
  return bytes;
}

function encodeValue(value: string | number | undefined): string {
  if (value === undefined) return "-";
  const text = String(value);
  if (text === "") throw new UsageError("an empty value cannot be sent to the daemon");
  if (/[ \n\0]/.test(text)) throw new UsageError(`"${text}" cannot be sent to the daemon: the protocol has no blanks in names and paths`);
  if (text.startsWith("-")) throw new UsageError(`"${text}" cannot be sent to the daemon: in the protocol a leading - stands for an absent value`);
  return text;
}

/**
 * Reads a request as tolerantly as the original does: any byte between key and value, anything behind the last value. Where it is stricter: the
 * command number must be there (the original takes its absence for `obj add`), and a newline or NUL ends the last value too.
 */
export function parseRequest(bytes: Uint8Array): ParsedRequest {
  const text = new TextDecoder().decode(bytes);
  const found: Record<string, string> = {};
  let at = 0;
  for (const [field, key] of FIELDS) {
    const seen = text.slice(at, at + key.length);
    if (seen !== key) return { kind: key.startsWith(seen) ? "incomplete" : "malformed" };
    const value = readValue(text, at + key.length + 1, field === "task");
    if (value.kind !== "value") return value;
    if (value.text !== undefined) found[field] = value.text;
    at = value.next;
    if (field === "task") return finish(found, value.open);
  }
  return { kind: "malformed" };
}

type ReadValue =
  | { readonly kind: "value"; readonly text: string | undefined; readonly next: number; readonly open: boolean }
  | { readonly kind: "incomplete" | "malformed" };

function readValue(text: string, at: number, last: boolean): ReadValue {
  if (at >= text.length) return { kind: "incomplete" };
  if (text[at] === "-") {
    if (!last && at + 1 >= text.length) return { kind: "incomplete" };
    return { kind: "value", text: undefined, next: at + 2, open: false };
  }
  const length = text.slice(at).search(last ? /[ \n\0]/ : / /);
  if (length === 0) return { kind: "malformed" };
  if (length > 0) return { kind: "value", text: text.slice(at, at + length), next: at + length + 1, open: false };
  return last ? { kind: "value", text: text.slice(at), next: text.length, open: true } : { kind: "incomplete" };
}

function finish({ command, ...names }: Record<string, string>, open: boolean): ParsedRequest {
  if (command === undefined || !/^\+?\d+$/.test(command) || Number(command) > 0x7fffffff) return { kind: "malformed" };
  return { kind: open ? "open" : "complete", request: { ...names, command: Number(command) } };
}

/** The bytes of an answer in the original's form. */
export function encodeReply(ok: boolean, text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const bytes = new Uint8Array(body.length + 1);
  bytes.set(body);
  bytes[body.length] = ok ? REPLY_OK : REPLY_FAILED;
  return bytes;
}

/** The answer in these bytes; undefined while its last byte is missing. */
export function parseReply(bytes: Uint8Array): { readonly ok: boolean; readonly text: string } | undefined {
  const last = bytes.at(-1);
  if (last !== REPLY_OK && last !== REPLY_FAILED) return undefined;
  return { ok: last === REPLY_OK, text: new TextDecoder().decode(bytes.subarray(0, -1)) };
}

/** First byte of a request in JSON, which no request of the original begins with. */
export const JSON_MARK = 0x7b;

/** Longest request in JSON, in bytes with its newline. */
export const MAX_JSON_BYTES = 65_536;

/** Our own requests: one object with one key, on one line. */
export type JsonRequest =
  | { readonly show: { readonly name?: string } }
  | { readonly pause: { readonly name: string } }
  | { readonly resume: { readonly name: string } }
  | { readonly bringBack: { readonly name: string; readonly rate?: string } }
  | { readonly engine: { readonly project: string; readonly engine: string; readonly command: string; readonly task?: string } }
  | { readonly heatmap: { readonly name: string; readonly task?: string; readonly pid?: string; readonly cells?: string } }
  | { readonly plan: { readonly name: string; readonly seconds?: string } }
  | { readonly daemon: Record<string, never> }
  | { readonly reload: Record<string, never> }
  | { readonly ping: Record<string, never> };

/** The last line of every answer to a request in JSON; `code` is the exit code for the command, `problems` are the lines of configuration files. */
export type JsonEnd = { readonly ok: true } | { readonly error: string; readonly code: number; readonly problems?: readonly string[] };

/** One line of JSON with its newline, as both sides send it. */
export function encodeLine(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

/** The requests by name, with the keys that each must have and those that it may have. Their values are strings. */
const REQUESTS: Readonly<Record<string, { readonly must?: readonly string[]; readonly may?: readonly string[] }>> = {
  show: { may: ["name"] }, pause: { must: ["name"] }, resume: { must: ["name"] }, bringBack: { must: ["name"], may: ["rate"] },
  engine: { must: ["project", "engine", "command"], may: ["task"] }, plan: { must: ["name"], may: ["seconds"] },
  heatmap: { must: ["name"], may: ["task", "pid", "cells"] }, reload: {}, daemon: {}, ping: {},
};

/** A request in JSON from its line; throws UsageError with what is wrong. */
export function parseJsonRequest(line: string): JsonRequest {
  const value = parseObject(line);
  const [word, ...more] = Object.keys(value);
  const keys = word !== undefined && Object.hasOwn(REQUESTS, word) ? REQUESTS[word] : undefined;
  if (word === undefined || keys === undefined || more.length > 0) throw new UsageError(`the daemon does not know the request ${shorten(line)}`);
  const parts = value[word];
  if (!isObject(parts)) throw new UsageError(`the request ${word} must be an object`);
  const { must = [], may = [] } = keys;
  for (const key of must) if (!Object.hasOwn(parts, key)) throw new UsageError(`the request ${word} needs "${key}"`);
  for (const [key, part] of Object.entries(parts)) {
    if (![...must, ...may].includes(key)) throw new UsageError(`the request ${word} has no "${key}"`);
    if (typeof part !== "string") throw new UsageError(`"${key}" of the request ${word} must be a string`);
  }
  return value as JsonRequest;
}

function parseObject(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) return value;
  } catch (cause) {
    throw new UsageError(`the request is not JSON: ${shorten(line)}`, { cause });
  }
  throw new UsageError(`the request is not an object: ${shorten(line)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shorten(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
