// The abstract socket: who may speak, how a request is put together from what arrives, how an answer leaves. What it means is dispatch.ts.
import { refusalTexts } from "../config/check-run.ts";
import { readPeer } from "../ffi/peer.ts";
import { RefusedError } from "../errors.ts";
import type { Log } from "../log.ts";
import {
  encodeReply, JSON_MARK, MAX_JSON_BYTES, MAX_REQUEST_BYTES, parseRequest, type WireRequest,
} from "../protocol.ts";

/** What a client asked: a request in the original's form, or a line of JSON. */
export type Question = { readonly wire: WireRequest } | { readonly json: string };

/** Sends a part of the answer; false when nobody listens any more, so that a stream can end. */
export type Send = (bytes: Uint8Array) => boolean;

export interface ServerParts {
  readonly socket: string;
  readonly log: Log;
  /** Answers one question; must not throw. The connection is closed when it resolves. */
  answer(question: Question, send: Send): Promise<void>;
  /** Times in ms; only tests change them. */
  readonly patienceMs?: number;
  readonly quietMs?: number;
}

export interface Server {
  /** Stops listening and drops every connection. */
  close(): void;
}

/** How long a client may take for its request, and then for each piece of its answer: however long that is, it goes on while somebody reads. */
const PATIENCE_MS = 10_000;

/**
 * Nothing ends a request of the original. One whose last value is absent (`-`, and so every request but an engine command for one task) is complete
 * when that is there. A task's name may go on in the next segment: it is taken as whole when the client closes its direction, or when nothing more
 * has come for this long, which is far more than lies between two segments of one write and less than anybody notices.
 */
const QUIET_MS = 20;

/** A connection too many takes the place of the oldest one that has not asked anything yet. */
const MAX_CONNECTIONS = 256;


interface Connection {
  received: Uint8Array;
  /** Parts of the answer that the client has not taken yet. */
  unsent: Uint8Array[];
  state: "reading" | "answering" | "closing" | "closed";
  deadline: Timer | undefined;
  quiet: Timer | undefined;
}

type Socket = Bun.Socket<Connection>;

/** Listens. Throws RefusedError if another process does already. */
export function listen(parts: ServerParts): Server {
  const { log, socket: name } = parts;
  const open = new Set<Socket>();
  const server = bind(name, {
    open: (socket) => {
      socket.data = { received: new Uint8Array(0), unsent: [], state: "reading", deadline: undefined, quiet: undefined };
      if (!isRoot(socket, log)) return drop(socket);
      makeRoom(open, log);
      open.add(socket);
      setDeadline(socket, parts);
    },
    data: (socket, bytes) => read(socket, bytes, parts),
    end: (socket) => finish(socket, parts),
    drain: (socket) => flush(socket, parts),
    close: (socket) => {
      open.delete(socket);
      forget(socket.data);
    },
    error: (socket, error) => {
      log.bug("connection failed", error);
      drop(socket);
    },
  });
  return {
    close: () => {
      server.stop(true);
      for (const socket of open) drop(socket);
    },
  };
}

function bind(name: string, socket: Bun.SocketHandler<Connection>): Bun.UnixSocketListener<Connection> {
  try {
    return Bun.listen<Connection>({ unix: `\0${name}`, socket, allowHalfOpen: true });
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const reason = code === "EADDRINUSE" ? "is in use: another etmemd listens on it" : `cannot be listened on: ${String(code)}`;
    throw new RefusedError(`socket ${name} ${reason}`, { cause });
  }
}

/** The original asks for uid and gid, and says nothing to anybody else. */
function isRoot(socket: Socket, log: Log): boolean {
  const { pid, uid, gid } = readPeer((socket as unknown as { readonly fd: number }).fd);
  if (uid === 0 && gid === 0) return true;
  log.warning("refused a client that is not root", { pid, uid, gid });
  return false;
}

/** Whoever has asked something is answered, however many they are: only root can. */
function makeRoom(open: Set<Socket>, log: Log): void {
  if (open.size < MAX_CONNECTIONS) return;
  const oldest = [...open].find((socket) => socket.data.state === "reading");
  if (oldest === undefined) return;
  log.warning("too many connections; dropped one without a request", { connections: open.size });
  drop(oldest);
}

function setDeadline(socket: Socket, { patienceMs = PATIENCE_MS, log }: ServerParts): void {
  clearTimeout(socket.data.deadline);
  socket.data.deadline = setTimeout(() => {
    log.info("dropped a client that took too long", { seconds: patienceMs / 1000, state: socket.data.state });
    drop(socket);
  }, patienceMs);
}

function read(socket: Socket, bytes: Uint8Array, parts: ServerParts): void {
  const connection = socket.data;
  if (connection.state !== "reading") return;
  connection.received = Buffer.concat([connection.received, bytes]);
  clearTimeout(connection.quiet);
  if (connection.received[0] === JSON_MARK) return readJson(socket, parts);
  if (connection.received.length > MAX_REQUEST_BYTES) return refuse(socket, parts, "refused a request that is too long");
  const parsed = parseRequest(connection.received);
  if (parsed.kind === "malformed") return discard(socket, parts);
  if (parsed.kind === "complete") return ask(socket, { wire: parsed.request }, parts);
  if (parsed.kind === "open") connection.quiet = setTimeout(() => finish(socket, parts), parts.quietMs ?? QUIET_MS);
}

function readJson(socket: Socket, parts: ServerParts): void {
  const { received } = socket.data;
  const end = received.indexOf(0x0a);
  if ((end < 0 ? received.length : end) > MAX_JSON_BYTES) return refuse(socket, parts, "refused a request that is too long");
  if (end >= 0) ask(socket, { json: new TextDecoder().decode(received.subarray(0, end)) }, parts);
}

/** The client sends no more: what is there is the request, or it never was one. */
function finish(socket: Socket, parts: ServerParts): void {
  const connection = socket.data;
  if (connection.state !== "reading") return;
  const parsed = parseRequest(connection.received);
  if (connection.received[0] === JSON_MARK) ask(socket, { json: new TextDecoder().decode(connection.received) }, parts);
  else if (parsed.kind === "open" || parsed.kind === "complete") ask(socket, { wire: parsed.request }, parts);
  else if (connection.received.length === 0) drop(socket);
  else discard(socket, parts);
}

function ask(socket: Socket, question: Question, parts: ServerParts): void {
  const connection = socket.data;
  connection.state = "answering";
  clearTimeout(connection.deadline);
  const send: Send = (bytes) => {
    if (connection.state !== "answering") return false;
    connection.unsent.push(bytes);
    if (connection.unsent.length === 1) flush(socket, parts);
    return connection.state === "answering";
  };
  void parts.answer(question, send).finally(() => leave(socket, parts));
}

/** Closes when the last byte of the answer is out. */
function leave(socket: Socket, parts: ServerParts): void {
  if (socket.data.state === "closed") return;
  socket.data.state = "closing";
  flush(socket, parts);
}

/** Writes what the client takes. One that takes nothing for a while is dropped: what it does not read is kept for it. */
function flush(socket: Socket, parts: ServerParts): void {
  const connection = socket.data;
  for (let part = connection.unsent[0]; part !== undefined; part = connection.unsent[0]) {
    const written = Math.max(0, socket.write(part));
    if (written < part.length) {
      connection.unsent[0] = part.subarray(written);
      return setDeadline(socket, parts);
    }
    connection.unsent.shift();
  }
  clearTimeout(connection.deadline);
  if (connection.state === "closing") drop(socket);
}

function refuse(socket: Socket, parts: ServerParts, event: string): void {
  parts.log.warning(event, { bytes: socket.data.received.length });
  socket.data.unsent.push(encodeReply(false, refusalTexts.invalid));
  leave(socket, parts);
}

/** What is no request gets no answer, as from the original; only the log can say so. */
function discard(socket: Socket, { log }: ServerParts): void {
  log.error("dropped a malformed request", { bytes: socket.data.received.length });
  drop(socket);
}

function drop(socket: Socket): void {
  forget(socket.data);
  socket.end();
  socket.terminate();
}

function forget(connection: Connection): void {
  connection.state = "closed";
  connection.unsent = [];
  clearTimeout(connection.deadline);
  clearTimeout(connection.quiet);
}
