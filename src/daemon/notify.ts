// What a service manager wants to know of the daemon: that it is ready, that it ends, and that it lives. sd_notify(3), sd_watchdog_enabled(3).
import { sendDatagram } from "../ffi/notify.ts";
import type { Log } from "../log.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface Notifier {
  ready(status: string): void;
  status(text: string): void;
  /** A reload has begun; `ready` says that it is over. */
  reloading(): void;
  stopping(): void;
  close(): void;
}

/** Speaks to the manager that NOTIFY_SOCKET names; without one every call does nothing. */
export function createNotifier(env: Env, log: Log): Notifier {
  const address = env["NOTIFY_SOCKET"];
  const send = (text: string): void => {
    if (!address) return;
    try {
      sendDatagram(address, text);
    } catch (error) {
      log.warning("the service manager could not be told", { text, error: String(error) });
    }
  };
  const every = watchdogMs(env, process.pid);
  const watchdog = address && every !== undefined ? setInterval(() => send("WATCHDOG=1"), every) : undefined;
  return {
    ready: (status) => send(`READY=1\nSTATUS=${status}`),
    status: (text) => send(`STATUS=${text}`),
    // The time is what Type=notify-reload of systemd 253 asks for; older ones do not read it.
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}\nSTATUS=Reading the configuration directory`),
    stopping: () => send("STOPPING=1\nSTATUS=Stopping all work"),
    close: () => clearInterval(watchdog),
  };
}

/** How often to say that we live: half of what the manager allows. Absent if it does not ask this process. */
function watchdogMs(env: Env, pid: number): number | undefined {
  const microseconds = Number(env["WATCHDOG_USEC"]);
  const owner = env["WATCHDOG_PID"];
  if (!Number.isSafeInteger(microseconds) || microseconds <= 0 || (owner !== undefined && owner !== String(pid))) return undefined;
  return Math.max(1, Math.floor(microseconds / 2000));
}
