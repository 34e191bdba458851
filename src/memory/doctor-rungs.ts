// What the doctor makes of the trackers and the mover: pure, from what was read and tried.
import type { Capability } from "../proc/privileges.ts";
import type { Finding } from "./doctor-finding.ts";
import type { Act, MachineFacts } from "./doctor-facts.ts";
import type { Probe } from "./doctor-probe.ts";

/** A tracker that works on this very process and may look at others. */
export interface RungFinding extends Finding {
  readonly exactness: string | null;
  readonly cpuMsPerGib: number | null;
}

const NEEDED_FOR_OTHERS: Readonly<Record<Act, { does: string; needs: readonly Capability[]; filter?: string }>> = {
  pagemap: { does: "open the page maps of other processes", needs: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"] },
  clearRefs: { does: "clear the accessed bits of other processes", needs: ["CAP_DAC_OVERRIDE"] },
  advise: { does: "advise about the memory of other processes", needs: ["CAP_SYS_NICE", "CAP_SYS_PTRACE"], filter: "process_madvise" },
};

/** Trackers that are used only where [project] names them. */
export const NAMED_ONLY: readonly string[] = ["damon", "kcore"];

/** What each way of working must be able to do to others. */
const REACH_OF: Readonly<Record<string, readonly Act[]>> = {
  idle_pages: ["pagemap"], page_walk: ["pagemap", "clearRefs", "advise"], page_idle: ["pagemap"],
  referenced: ["pagemap", "clearRefs"], damon: ["pagemap"], kcore: ["pagemap", "clearRefs", "advise"],
  swap_pages: ["pagemap"], madvise: ["advise"],
};

/** What there is to do where a way of working lacks something, the first that holds. */
const TODOS: Readonly<Record<string, (facts: MachineFacts, reason: string) => string | undefined>> = {
  idle_pages: (facts, reason) => ofModule(facts, reason, "etmem_scan"),
  swap_pages: (facts, reason) => ofModule(facts, reason, "etmem_swap"),
  page_walk: (facts, reason) => {
    const { arch, settings: { btf, lockdown, release } } = facts;
    if (arch !== "x64") return "nothing: it exists for x86-64 only";
    if (!btf) return "boot a kernel with CONFIG_DEBUG_INFO_BTF=y";
    if (lockdown === "confidentiality") return "boot with lockdown=integrity, or without lockdown";
    if (reason.includes("self-test")) return undefined;
    const lacking = allow(facts, ["CAP_BPF", "CAP_PERFMON", ...neededFor(facts, "page_walk")]);
    if (lacking !== undefined || !reason.includes("CAP_BPF")) return lacking;
    if (facts.privileges.filtered) return passFilter("bpf");
    return isBefore(release, [5, 11]) ? "ulimit -l 65536" : undefined;
  },
  page_idle: (facts, reason) => {
    if (reason.includes("CONFIG_IDLE_PAGE_TRACKING")) return "boot a kernel with CONFIG_IDLE_PAGE_TRACKING=y";
    return reason.includes("CAP_SYS_ADMIN") ? allow(facts, ["CAP_SYS_ADMIN", ...neededFor(facts, "page_idle")]) : undefined;
  },
  referenced: (_facts, reason) => (reason.includes("CONFIG_PROC_PAGE_MONITOR") ? "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y" : undefined),
  damon: (facts, reason) => {
    const cannot = facts.kdamonds.some(({ offered }) => offered !== undefined && !offered.includes("fvaddr"));
    if (cannot || reason.includes("CONFIG_DAMON")) return "boot a kernel with CONFIG_DAMON_SYSFS=y and CONFIG_DAMON_VADDR=y";
    if (reason.includes("somebody else")) return "stop the other one; only tracker=damon needs it";
    return reason.includes("needs root") ? allow(facts, ["CAP_DAC_OVERRIDE", ...neededFor(facts, "damon")]) : undefined;
  },
  kcore: (facts, reason) => {
    if (reason.includes("CONFIG_PROC_KCORE")) return "boot a kernel with CONFIG_PROC_KCORE=y";
    if (!facts.settings.btf) return "boot a kernel with CONFIG_DEBUG_INFO_BTF=y";
    if (facts.settings.lockdown === "confidentiality") return "boot with lockdown=integrity, or without lockdown";
    if (reason.includes("CAP_SYSLOG")) return allow(facts, ["CAP_SYSLOG", ...neededFor(facts, "kcore")]) ?? "sysctl kernel.kptr_restrict=1";
    return reason.includes("CAP_SYS_RAWIO") ? allow(facts, ["CAP_SYS_RAWIO", ...neededFor(facts, "kcore")]) : undefined;
  },
  madvise: (facts, reason) => {
    const { settings: { release }, privileges: { filtered } } = facts;
    if (reason.includes("CAP_SYS_NICE")) {
      return allow(facts, ["CAP_SYS_NICE", ...neededFor(facts, "madvise")]) ?? (filtered ? passFilter("process_madvise") : undefined);
    }
    if (reason.includes("CONFIG_PROC_PAGE_MONITOR")) return "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y";
    if (!reason.includes("Linux 5.10")) return undefined;
    return filtered && !isBefore(release, [5, 10]) ? passFilter("process_madvise") : "boot Linux 5.10 or later, with CONFIG_ADVISE_SYSCALLS=y";
  },
};

function ofModule(facts: MachineFacts, reason: string, name: string): string | undefined {
  if (!facts.settings.etmem) return "boot a kernel of openEuler with CONFIG_ETMEM=y";
  if (reason.includes("not loaded")) return `modprobe ${name}`;
  return reason.includes("CAP_SYS_ADMIN") ? allow(facts, ["CAP_SYS_ADMIN"]) : undefined;
}

/** Whoever else clears accessed bits makes touched pages look idle. */
function adviceFor(facts: MachineFacts, { name, reason }: { name: string; reason: string }): string | undefined {
  const [other] = facts.kdamonds;
  if (facts.foreignPids !== undefined) return undefined;
  if (reason.includes("self-test")) return other ? `stop what else clears accessed bits: DAMON, kdamond pid ${other.pid}` : undefined;
  return TODOS[name]?.(facts, reason);
}

/**
 * Root without a capability runs in a unit or container that took it away; anybody else is better root than partly so. Absent where nothing is
 * lacking: CAP_SYS_ADMIN stands for the two that were once part of it.
 */
function allow({ uid, privileges: { capabilities, ownUserNamespace } }: MachineFacts, needed: readonly Capability[]): string | undefined {
  if (ownUserNamespace) return "run it in the first user namespace, not in one of a container's own";
  if (uid !== 0) return "run it as root";
  const has = (name: Capability) => capabilities.includes(name) || (PARTS_OF_ADMIN.includes(name) && capabilities.includes("CAP_SYS_ADMIN"));
  const lacking = [...new Set(needed)].filter((name) => !has(name));
  return lacking.length === 0 ? undefined : `give it ${inWords(lacking)}`;
}

/** What else there is to give, so that it can be used on others too: one thing to do, not one after the other. */
function neededFor(facts: MachineFacts, name: string): Capability[] {
  return barredActs(facts, name).flatMap((act) => NEEDED_FOR_OTHERS[act].needs);
}

/** What it must do and no process lets this user do. */
function barredActs({ reach }: MachineFacts, name: string): Act[] {
  return REACH_OF[name]?.filter((act) => reach[act].asked > 0 && reach[act].allowed === 0) ?? [];
}

const PARTS_OF_ADMIN: readonly Capability[] = ["CAP_BPF", "CAP_PERFMON"];

function inWords(names: readonly string[]): string {
  return names.length < 3 ? names.join(" and ") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function passFilter(call: string): string {
  return `let the container's or unit's system call filter pass ${call}`;
}

function isBefore(release: string, [major, minor]: readonly [number, number]): boolean {
  const [, its = "", itsMinor = ""] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(its) < major || (Number(its) === major && Number(itsMinor) < minor);
}

/** What to do where these acts on other processes are refused. */
export function openUp(facts: MachineFacts, acts: readonly Act[]): string | undefined {
  const filter = acts.map((act) => NEEDED_FOR_OTHERS[act].filter).find((call) => call !== undefined);
  const lacking = allow(facts, acts.flatMap((act) => NEEDED_FOR_OTHERS[act].needs));
  return lacking ?? (filter !== undefined && facts.privileges.filtered ? passFilter(filter) : undefined);
}

/** One tracker, or the mover. */
export function judgeRung(facts: MachineFacts, area: "trackers" | "movers", probe: Probe): RungFinding {
  const { name } = probe, none = { exactness: null, cpuMsPerGib: null };
  if (!probe.works) {
    const todo = adviceFor(facts, probe);
    return { area, name, mark: "no", says: probe.reason, ...(todo === undefined ? {} : { todo }), ...none };
  }
  const { exactness, cpuMsPerGib } = probe;
  const acts = barredActs(facts, name), [barred] = acts;
  if (barred) {
    const says = `this user may not ${NEEDED_FOR_OTHERS[barred].does} (${facts.reach[barred].refusal})`, todo = openUp(facts, acts);
    return { area, name, mark: "no", says, ...(todo === undefined ? {} : { todo }), ...none };
  }
  const cost = cpuMsPerGib === null ? "cost not measured" : `${round(cpuMsPerGib)} ms CPU per GiB`;
  const when = NAMED_ONLY.includes(name) ? `; only with tracker=${name}` : "";
  const says = area === "trackers" ? `${exactness}-exact, ${cost} and scan${when}` : `verified by the page map, ${cost}`;
  return { area, name, mark: "yes", says, exactness, cpuMsPerGib };
}

/** Two places are as many as another run would confirm. */
export function round(value: number): number {
  return Number(value.toPrecision(2));
}
