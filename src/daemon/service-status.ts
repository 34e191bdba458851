// What the service manager shows of the daemon, in one line: that it listens, what runs, and whether its configuration directory was taken.
import type { Notifier } from "./notify.ts";
import type { ProjectCount } from "./objects.ts";

export interface ServiceStatus {
  /** The daemon listens; from now on the manager is told of everything. */
  ready(listening: string): void;
  changed(count: ProjectCount): void;
  /** The configuration directory is being read. */
  reading(): void;
  /** It has been; so many lines of it are wrong, and then nothing has changed. */
  read(problems: number): void;
}

/** `dir`: the configuration directory, if there is one. */
export function createServiceStatus(notifier: Notifier, dir?: string): ServiceStatus {
  let says = "", counted = "", trouble = "", isReady = false;
  const told = (tell: (text: string) => void): void => {
    if (isReady) tell(`${says}${trouble}`);
  };
  return {
    ready: (listening) => {
      isReady = true;
      says = counted === "" ? listening : `${listening}; ${counted}`;
      told(notifier.ready);
    },
    changed: ({ projects, started }) => {
      says = counted = `${projects} project${projects === 1 ? "" : "s"}, ${started} of them started`;
      told(notifier.status);
    },
    reading: () => told(notifier.reloading),
    read: (problems) => {
      const errors = `${problems} error${problems === 1 ? "" : "s"}`;
      trouble = problems === 0 ? "" : `; ${dir} is not taken (${errors}, see the log), what was read before stays`;
      told(notifier.ready);
    },
  };
}
