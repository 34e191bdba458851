// The picture of `etmem top`: a machine on which one process is left alone by the brake.
import { drawTop } from "../src/commands/top/draw.ts";
import { BackRates, viewOf } from "../src/commands/top/view.ts";
import { emptyAccount, type AgeBand, type BrakeStatus, type ProcessStatus, type ShownProject } from "../src/status.ts";
import { GIB, MIB } from "../src/units.ts";
import { terminalSvg } from "./terminal-svg.ts";

const SCREEN = { width: 126, height: 13, colour: true } as const;

interface Example {
  readonly pid: number;
  readonly name: string;
  /** Resident memory by the classes of the bar, in MiB. */
  readonly mib: readonly [number, number, number, number, number];
  readonly outMib: number;
  readonly backMib?: number;
  readonly brake?: Partial<BrakeStatus>;
  readonly state?: string;
}

const SHOP: readonly Example[] = [
  { pid: 2114, name: "postgres", mib: [910, 420, 610, 380, 160], outMib: 5320, state: "waiting" },
  { pid: 2877, name: "java", mib: [1650, 820, 300, 90, 20], outMib: 870, backMib: 96, brake: {
    state: "stopped", reason: "3.1 % of what was moved came back within a minute, 0.2 % may",
  } },
  { pid: 3020, name: "redis-server", mib: [220, 130, 260, 140, 60], outMib: 1210, state: "moving" },
];

const BATCH: readonly Example[] = [
  { pid: 911, name: "prometheus", mib: [120, 60, 90, 210, 340], outMib: 300, brake: {
    state: "careful", reason: "small steps: the process is not known yet",
  } },
];

const AT = new Date(2026, 10, 23, 3, 0, 12);

export function topPicture(): string {
  const rates = new BackRates();
  const look = (backShare: number, seconds: number) => viewOf({
    projects: [project("shop", SHOP, backShare), project("batch", BATCH, backShare)], at: new Date(AT.getTime() + seconds * 1000),
    machine: { memTotalBytes: 15.5 * GIB, memAvailableBytes: 7.4 * GIB, swapTotalBytes: 16 * GIB, swapFreeBytes: 8.5 * GIB, zramBytes: 2.1 * GIB },
  }, rates);
  look(0, -20);
  return terminalSvg(drawTop(look(1, 0), SCREEN), { title: "etmem top", columns: SCREEN.width });
}

function project(name: string, examples: readonly Example[], backShare: number): ShownProject {
  const processes = examples.map((example) => member(example, backShare));
  const running = { name: "main", status: { state: "running", tracker: "page_walk", mover: "madvise", processes } };
  const waiting = { name: "cache", status: { state: "waiting for a process of name memcached", tracker: "page_walk", processes: [] } };
  return { name, started: true, engines: [{ name: "slide", type: "slide", tasks: name === "batch" ? [running, waiting] : [running] }] };
}

function member({ pid, name, mib, outMib, backMib = 0, brake, state = "waiting" }: Example, backShare: number): ProcessStatus {
  const ages = [0, 10, 60, 600, 3600].map((fromSeconds, at): AgeBand => ({ fromSeconds, bytes: (mib[at] ?? 0) * MIB }));
  const residentBytes = ages.reduce((sum, { bytes }) => sum + bytes, 0);
  const total = { ...emptyAccount(), rounds: 40, cameBackBytes: backMib * MIB * backShare, cpuUserMs: 900, cpuSystemMs: 8100 };
  return {
    pid, comm: name, state, reason: null, residentBytes, swappedBytes: outMib * MIB, outNowBytes: outMib * MIB, netFreedBytes: outMib * MIB * 0.72,
    netIsEstimate: true, hotBytes: (mib[0] + mib[1]) * MIB, ages, lastRound: null, total,
    brake: { state: "free", reason: null, since: AT.toISOString(), ...brake },
  };
}
