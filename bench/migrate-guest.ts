// Inside the virtual machine of migrate.ts: moves the pages of a process to a node as a round does. migrate-guest PID START LENGTH NODES PAGE
// NODES, as 1,0,1,0: one trip to each, and one line for each trip.
import { exchange, CALL_BYTES } from "../src/daemon/group-exchange.ts";
import { idOf } from "../src/memory/measured-scan.ts";
import { NumaMemory } from "../src/memory/numa.ts";
import type { Tracker } from "../src/memory/trackers/tracker.ts";
import { kernelRoot } from "../src/proc/root.ts";

const [pid = "", start = "", length = "", trips = "", page = ""] = process.argv.slice(2);
const pageBytes = Number(page), first = parseInt(start, 16) / 4096, count = Number(length) / pageBytes;
const pages = Float64Array.from({ length: count }, (_, i) => first + (i * pageBytes) / 4096), nodes = new Uint8Array(count);
// What moves pages never looks at them.
const memory = new NumaMemory(kernelRoot, { sight: { tracker: "none", seesWrites: false, seesSwapFlag: false } } as Tracker);
const round = memory.openPlacing(idOf(Number(pid)), { flags: ["rd"], anonymousOnly: false }, new AbortController().signal)!;
memory.nodes();
for (const node of trips.split(",").map(Number)) console.log(JSON.stringify(await trip(node)));
round.close();

async function trip(node: number): Promise<object> {
  const load = { process: 0, list: { pageBytes, pages, entries: new Uint32Array(count) }, at: 0 };
  let moved = 0;
  const before = process.cpuUsage(), began = performance.now();
  await exchange({ fast: node, slow: -1 }, { up: [load], down: [] }, {
    room: (wanted) => memory.room(wanted, false), proceed: () => true, limit: () => CALL_BYTES,
    async move({ list }, { from, to }, wanted) {
      const tally = await round.move(list.pages.subarray(from, to), wanted, (index) => (nodes[from + index] = wanted));
      moved += tally.moved;
      return { bytes: tally.moved * pageBytes, full: tally.stayed.full > 0 };
    },
  });
  const seconds = (performance.now() - began) / 1000, { user, system } = process.cpuUsage(before);
  return { bytes: moved * pageBytes, seconds, userSeconds: user / 1e6, systemSeconds: system / 1e6 };
}
