// The other end of a socket, for tests: clients and daemons that behave as they should, or not.

/** A name that no other test uses. */
export function freshName(what: string): string {
  return `test-${what}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
}

/** What happened on a connection of a test client. */
export interface Seen {
  readonly bytes: Buffer;
  /** From the last byte sent to the end, in ms. */
  readonly ms: number;
}

/**
 * Connects, sends the parts with pauses, and resolves with all that came when the daemon closes. `halfClose` ends the own direction behind the last
 * part; the original's client does not.
 */
export async function talk(name: string, parts: readonly (string | Uint8Array | number)[], options: { halfClose?: boolean } = {}): Promise<Seen> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const received: Uint8Array[] = [];
  const socket = await Bun.connect({
    unix: `\0${name}`, allowHalfOpen: true,
    socket: {
      data: (_socket, bytes) => void received.push(Uint8Array.from(bytes)),
      end: () => resolve(),
      close: () => resolve(),
      error: (_socket, error) => reject(error),
    },
  });
  for (const part of parts) {
    if (typeof part === "number") await Bun.sleep(part);
    else socket.write(part);
  }
  const sent = performance.now();
  if (options.halfClose) socket.shutdown();
  await promise;
  socket.terminate();
  return { bytes: Buffer.concat(received), ms: performance.now() - sent };
}

/** A daemon that answers each request with these parts (a number is a pause in ms) and closes; gives the requests it got. */
export function fakeDaemon(name: string, parts: readonly (string | Uint8Array | number)[]): { requests: string[]; [Symbol.dispose](): void } {
  const requests: string[] = [];
  const server = Bun.listen({
    unix: `\0${name}`, allowHalfOpen: true,
    socket: {
      // Without a listener for it the runtime closes the connection when the client has closed its direction.
      end: () => undefined,
      data: async (socket, bytes) => {
        requests.push(bytes.toString());
        for (const part of parts) {
          if (typeof part === "number") await Bun.sleep(part);
          else socket.write(part);
        }
        socket.terminate();
      },
    },
  });
  return { requests, [Symbol.dispose]: () => server.stop(true) };
}
