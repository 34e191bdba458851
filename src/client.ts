// One request to the daemon's socket and its answer.
import { ConfigError, DeniedError, EtmemError, EXIT, NoDaemonError, RefusedError, UsageError } from "./errors.ts";
import { checkSocketName, encodeLine, encodeRequest, parseReply, type JsonRequest, type WireRequest } from "./protocol.ts";

/** How long to wait for the connection, and then for each part of the answer; as the original. */
export const TIMEOUT_MS = 10_000;

/** Whom to ask, and how patiently. */
export interface Address {
  readonly socket: string;
  readonly timeoutMs?: number;
  /** Tells a daemon that has no room at the moment from one that is not there, which the runtime does not. */
  readonly isListening: (name: string) => Promise<boolean>;
}

/** Sends a request in the original's form; gives the text of the answer, or throws what the daemon says. */
export async function sendRequest(address: Address, request: WireRequest): Promise<string> {
  let received = new Uint8Array(0);
  await exchange(address, encodeRequest(request), (bytes) => {
    received = concat(received, bytes);
    return parseReply(received) !== undefined;
  });
  const reply = parseReply(received);
  if (reply === undefined) throw silence(address, received);
  if (!reply.ok) throw refusal(reply.text, request);
  return reply.text;
}

/** Sends a request in JSON; gives each line of the answer as it comes, without the last. */
export async function sendJson(address: Address, request: JsonRequest, take: (line: unknown) => void): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  let end: Record<string, unknown> | undefined;
  await exchange(address, encodeLine(request), (bytes) => {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const value = parseAnswer(address, line);
      if (value["ok"] === true || typeof value["error"] === "string") end = value;
      else take(value);
    }
    return end !== undefined;
  });
  if (end === undefined) throw deafness(address);
  if (Array.isArray(end["problems"])) throw new ConfigError(end["problems"].map(String));
  if (typeof end["error"] === "string") throw withCode(end["error"], end["code"]);
}

/** Somebody else may listen on the name of a socket. */
function parseAnswer({ socket }: Address, line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new EtmemError(`what listens on socket ${socket} is no etmemd: it answers ${JSON.stringify(line.slice(0, 60))}`);
}

/** Connects, writes, and hands over what comes until `take` has enough or the daemon closes. */
async function exchange(address: Address, request: Uint8Array, take: (bytes: Uint8Array) => boolean): Promise<void> {
  const { timeoutMs = TIMEOUT_MS } = address;
  const name = checkSocketName(address.socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let timer: Timer | undefined;
  const handlers: Bun.SocketHandler<undefined> = {
    open: (socket) => {
      socket.write(request);
      // No terminator ends a request: the closed direction tells our daemon that the last name is whole. The original's does not look.
      // Without an argument shutdown() closes the direction that we write; shutdown(true) closes the other one (Bun 1.4.5, against its manual).
      socket.shutdown();
    },
    data: (_socket, bytes) => {
      timer?.refresh();
      try {
        if (take(bytes)) resolve();
      } catch (error) {
        reject(error);
      }
    },
    close: () => resolve(),
    error: (_socket, cause) => {
      if (wasClosed(cause)) resolve();
      else reject(new EtmemError(`the connection to socket ${name} failed: ${cause.message}`, { cause }));
    },
  };
  try {
    const socket = await connect(address, handlers);
    if (socket === undefined) return;
    timer = setTimeout(() => reject(new EtmemError(`the daemon on socket ${name} ${unanswered(timeoutMs)}`)), timeoutMs);
    try {
      await promise;
    } finally {
      socket.terminate();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The request has been sent: a daemon that is stopped, or on a machine that swaps, reads it later. */
function unanswered(timeoutMs: number): string {
  return `did not answer within ${timeoutMs / 1000} s, and may still do what was asked; is it stopped (ps -o pid,stat,args -C etmemd,etmem)?`;
}

const RETRY_MS = 20;

/** Was the connection closed by the daemon? It may do so before the request is out. */
function wasClosed(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE"].includes(String((error as { code?: unknown }).code));
}

/**
 * Absent if the daemon closed it at once. The original's daemon has room for two waiting clients and turns the next one away: wait for room
 * as long as its own client does.
 */
async function connect(address: Address, socket: Bun.SocketHandler<undefined>): Promise<Bun.Socket<undefined> | undefined> {
  const { socket: name, timeoutMs = TIMEOUT_MS, isListening } = address;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await Bun.connect({ unix: `\0${name}`, socket, allowHalfOpen: true });
    } catch (cause) {
      if (wasClosed(cause)) return undefined;
      const { code } = cause as { code?: unknown };
      if (code !== "ECONNREFUSED") throw new EtmemError(`connecting to socket ${name} failed: ${String(code)}`, { cause });
      if (!(await isListening(name))) throw new NoDaemonError(`no daemon listens on socket ${name}; start it with: etmemd -s ${name}`);
      if (Date.now() > deadline) throw new EtmemError(`the daemon on socket ${name} is busy with others`, { cause });
      await Bun.sleep(RETRY_MS);
    }
  }
}

/** The daemon closes without a byte on whoever is not root, and on what it cannot read. */
function silence({ socket }: Address, received: Uint8Array): EtmemError {
  if (received.length > 0) return new EtmemError(`the daemon on socket ${socket} broke off in the middle of its answer`);
  return asNobody() ?? new EtmemError(`the daemon on socket ${socket} closed the connection without an answer; its log says why`);
}

function deafness({ socket }: Address): EtmemError {
  return asNobody() ?? new EtmemError(`the daemon on socket ${socket} does not know this request; it is an older etmem, or not etmem at all`);
}

function asNobody(): DeniedError | undefined {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  return uid === 0 && gid === 0 ? undefined : new DeniedError(`the daemon answers only root (uid 0 and gid 0), this is uid ${uid} and gid ${gid}`);
}

/** The original's texts begin with "error: "; what does not are the lines of a configuration file. */
function refusal(text: string, request: WireRequest): EtmemError {
  return text.startsWith("error: ") ? new RefusedError(text + whatOf(text, request)) : new ConfigError(text.split("\n"));
}

/** The original's texts name nothing: what was asked for, and where the rest of the reason is. */
function whatOf(text: string, { project, engine, task, file, engineCommand }: WireRequest): string {
  const [, noun, kind = noun] = IDENTIFICATION.exec(text) ?? [];
  if (kind === undefined) return "";
  if (file !== undefined) return `: ${file}; the daemon's log names the line`;
  if (kind === "invalid parameters") return `: ${engineCommand} of engine ${engine}; the daemon's log says why`;
  return `: ${{ project, engine, task }[kind as "project"] ?? "none"}`;
}

const IDENTIFICATION = /^error: (?:(project|engine|task) (?:is not exist|has been (?:existed|started|stopped))|(invalid parameters))$/;

function withCode(text: string, code: unknown): EtmemError {
  if (code === EXIT.usage) return new UsageError(text);
  return code === EXIT.denied ? new DeniedError(text) : new RefusedError(text);
}

function concat(a: Uint8Array<ArrayBuffer>, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
