// What the demo says: pure functions from figures to text.
import type { WorkloadPlaces } from "../../memory/workload-check.ts";
import type { Account } from "../../status.ts";
import { formatBytes } from "../../units.ts";

/** The demo has worked if at least so much of the cold memory went, and at most so much of the hot. */
const COLD_SHARE = 0.95, HOT_SHARE = 0.005;

const BAR_WIDTH = 30;

export interface Outcome {
  readonly places: WorkloadPlaces;
  /** The most of the workload's hot pages that were out at any time. */
  readonly mostHotOut: number;
  readonly pageBytes: number;
  readonly account: Account;
  readonly tracker: string | null;
  /** Growth of MemFree, which other processes change too, of what zram takes, and of what the swap cache holds. */
  readonly memFreeBytes: number;
  readonly zramBytes: number;
  readonly swapCachedBytes: number;
}

export function worked({ places, mostHotOut }: Outcome): boolean {
  return places.coldOut >= COLD_SHARE * places.coldPages && mostHotOut <= HOT_SHARE * places.hotPages;
}

/** One line of progress; with a bar where somebody looks at a terminal. */
export function progressLine(seconds: number, places: WorkloadPlaces, shown: { pageBytes: number; state: string; bar: boolean }): string {
  const share = places.coldPages === 0 ? 1 : places.coldOut / places.coldPages, full = Math.round(share * BAR_WIDTH);
  const bar = shown.bar ? `[${"#".repeat(full)}${".".repeat(BAR_WIDTH - full)}] ` : "";
  return `${seconds.toFixed(0).padStart(3)} s  ${bar}${percent(share, 1).padStart(7)} of the cold memory is out` +
    ` (${formatBytes(places.coldOut * shown.pageBytes)}), ${places.hotOut} hot pages are out; ${shown.state}`;
}

export function summary(outcome: Outcome): string {
  const { places, account, pageBytes } = outcome;
  const rows: readonly (readonly [string, string])[] = [
    ["cold found", `${formatBytes(account.coldBytes)} by ${outcome.tracker ?? "no tracker"}`],
    ["moved and verified", `${formatBytes(account.outBytes)} of ${formatBytes(account.askedBytes)} asked for`],
    ["cold memory out", `${percent(places.coldOut / places.coldPages, 2)} (${places.coldOut} of ${places.coldPages} pages, asked from the kernel)`],
    ["hot memory out", `${percent(outcome.mostHotOut / places.hotPages, 2)} at worst (${outcome.mostHotOut} of ${places.hotPages} pages)`],
    ["came back", formatBytes(account.cameBackBytes)],
    ["CPU spent", `${seconds(account.cpuSystemMs)} in the kernel, ${seconds(account.cpuUserMs)} of our own, in ${account.rounds} rounds`],
    ["memory really freed", freed(outcome)],
  ];
  const table = rows.map(([name, value]) => `  ${name.padEnd(20)} ${value}`).join("\n");
  const total = formatBytes((places.coldPages + places.hotPages) * pageBytes);
  const verdict = worked(outcome)
    ? `It worked: of ${total} the cold pages are in swap, the hot ones stayed.`
    : `It did not work: at least ${percent(COLD_SHARE, 0)} of the cold and at most ${percent(HOT_SHARE, 1)} of the hot memory were to go.`;
  return `${table}\n${verdict}\n`;
}

/** To zram what went is gone at once, but for its compressed form; a disk leaves it in the swap cache until memory is short. */
function freed({ account, zramBytes, memFreeBytes, swapCachedBytes }: Outcome): string {
  if (zramBytes > 0) {
    const bytes = Math.max(0, account.outBytes - account.cameBackBytes - zramBytes);
    return `${formatBytes(bytes)}: what is out is kept compressed in ${formatBytes(zramBytes)} of memory`;
  }
  const cached = swapCachedBytes > 0 ? `; ${formatBytes(swapCachedBytes)} are still in the swap cache` : "";
  return `${formatBytes(Math.max(0, memFreeBytes))}, by MemFree${cached}`;
}

function percent(share: number, digits: number): string {
  return `${(share * 100).toFixed(digits)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
