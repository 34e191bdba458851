import { expect, test } from "bun:test";
import type { Notifier } from "../../src/daemon/notify.ts";
import { createServiceStatus } from "../../src/daemon/service-status.ts";

const TAKEN = "2 projects, 1 of them started";
const REFUSED = `${TAKEN}; /etc/x is not taken (3 errors, see the log), what was read before stays`;

test("the manager hears nothing before the daemon listens, then of every change, and of a directory that is not taken until one is", () => {
  const told: string[] = [];
  const notifier: Notifier = {
    ready: (text) => void told.push(`ready: ${text}`), status: (text) => void told.push(`status: ${text}`),
    reloading: () => void told.push("reloading"), stopping: () => undefined, close: () => undefined,
  };
  const status = createServiceStatus(notifier, "/etc/x");
  status.reading();
  status.changed({ projects: 1, started: 0 });
  status.read(0);
  expect(told).toEqual([]);
  status.ready("Listening");
  status.changed({ projects: 2, started: 1 });
  status.reading();
  status.read(3);
  status.changed({ projects: 2, started: 1 });
  status.reading();
  status.read(0);
  expect(told).toEqual([
    "ready: Listening; 1 project, 0 of them started", `status: ${TAKEN}`, "reloading", `ready: ${REFUSED}`, `status: ${REFUSED}`,
    "reloading", `ready: ${TAKEN}`,
  ]);
});
