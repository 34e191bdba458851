// Work that takes longer than a client waits for an answer: the client is told how far it is, and calls it off by going away.
import { encodeLine } from "../protocol.ts";
import type { Send } from "./server.ts";

/** Clients give up after 10 s of silence. */
const TELL_MS = 500;

export interface StreamHooks<Progress> {
  /** Aborted when nobody listens any more. */
  readonly signal: AbortSignal;
  /** Cheap: what is told last is sent twice a second, as `{"progress": …}`. */
  tell(progress: Progress): void;
}

export async function streamed<Progress, Result>(send: Send, work: (hooks: StreamHooks<Progress>) => Promise<Result>): Promise<Result> {
  const gone = new AbortController();
  let latest: Progress | null = null;
  const timer = setInterval(() => {
    if (!send(encodeLine({ progress: latest }))) gone.abort();
  }, TELL_MS);
  try {
    return await work({ signal: gone.signal, tell: (progress) => void (latest = progress) });
  } finally {
    clearInterval(timer);
  }
}
