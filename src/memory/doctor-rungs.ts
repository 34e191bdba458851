// What the doctor makes of the trackers and the mover: pure, from what was read and tried.
import type { Finding } from "./doctor-finding.ts";
import type { Act, MachineFacts } from "./doctor-facts.ts";
import type { Probe } from "./doctor-probe.ts";

/** A tracker that works on this very process and may look at others. */
export interface RungFinding extends Finding {
  readonly exactness: string | null;
  readonly cpuMsPerGib: number | null;
}

const NEEDED_FOR_OTHERS: Readonly<Record<Act, { does: string; needs: string }>> = {
  pagemap: { does: "open the page maps of other processes", needs: "CAP_SYS_PTRACE" },
  clearRefs: { does: "clear the accessed bits of other processes", needs: "CAP_DAC_OVERRIDE" },
  advise: { does: "advise about the memory of other processes", needs: "CAP_SYS_NICE and CAP_SYS_PTRACE" },
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
  page_walk: (facts) => {
    const { arch, settings: { btf, lockdown }, privileges: { capabilities } } = facts;
    if (arch !== "x64") return "nothing: it exists for x86-64 only";
    if (!btf) return "boot a kernel with CONFIG_DEBUG_INFO_BTF=y";
    if (lockdown === "confidentiality") return "boot with lockdown=integrity, or without lockdown";
    const mayLoad = capabilities.includes("CAP_SYS_ADMIN") || (capabilities.includes("CAP_BPF") && capabilities.includes("CAP_PERFMON"));
    return mayLoad && !facts.privileges.ownUserNamespace ? undefined : allow(facts, "CAP_BPF and CAP_PERFMON");
  },
  page_idle: (facts, reason) => {
    if (reason.includes("CONFIG_IDLE_PAGE_TRACKING")) return "boot a kernel with CONFIG_IDLE_PAGE_TRACKING=y";
    return reason.includes("CAP_SYS_ADMIN") ? allow(facts, "CAP_SYS_ADMIN") : undefined;
  },
  referenced: (_facts, reason) => (reason.includes("CONFIG_PROC_PAGE_MONITOR") ? "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y" : undefined),
  damon: (facts, reason) => {
    if (reason.includes("somebody else")) return "stop the other one, or leave it: nothing else here needs DAMON";
    if (reason.includes("needs root")) return allow(facts, "CAP_DAC_OVERRIDE");
    return reason.includes("CONFIG_DAMON") ? "boot a kernel with CONFIG_DAMON_SYSFS=y and CONFIG_DAMON_VADDR=y" : undefined;
  },
  kcore: (facts, reason) => {
    if (reason.includes("CONFIG_PROC_KCORE")) return "boot a kernel with CONFIG_PROC_KCORE=y";
    if (!facts.settings.btf) return "boot a kernel with CONFIG_DEBUG_INFO_BTF=y";
    if (facts.settings.lockdown === "confidentiality") return "boot with lockdown=integrity, or without lockdown";
    if (reason.includes("CAP_SYSLOG")) return allow(facts, "CAP_SYSLOG");
    return reason.includes("CAP_SYS_RAWIO") ? allow(facts, "CAP_SYS_RAWIO") : undefined;
  },
  madvise: (facts, reason) => {
    if (reason.includes("CAP_SYS_NICE")) return allow(facts, "CAP_SYS_NICE");
    if (reason.includes("CONFIG_PROC_PAGE_MONITOR")) return "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y";
    return reason.includes("Linux 5.10") ? "boot Linux 5.10 or later, with CONFIG_ADVISE_SYSCALLS=y" : undefined;
  },
};

function ofModule(facts: MachineFacts, reason: string, name: string): string | undefined {
  if (!facts.settings.etmem) return "boot a kernel of openEuler with CONFIG_ETMEM=y";
  if (reason.includes("not loaded")) return `modprobe ${name}`;
  return reason.includes("CAP_SYS_ADMIN") ? allow(facts, "CAP_SYS_ADMIN") : undefined;
}

/** Whoever else clears accessed bits makes touched pages look idle. */
function adviceFor(facts: MachineFacts, { name, reason }: { name: string; reason: string }): string | undefined {
  const [other] = facts.kdamonds;
  if (facts.foreignPids !== undefined) return undefined;
  if (reason.includes("self-test")) return other ? `stop what else clears accessed bits: DAMON, kdamond pid ${other.pid}` : undefined;
  return TODOS[name]?.(facts, reason);
}

/** Root without a capability runs in a unit or container that took it away; anybody else is better root than partly so. */
function allow({ uid, privileges }: MachineFacts, capabilities: string): string {
  if (privileges.ownUserNamespace) return "run it in the first user namespace, not in one of a container's own";
  return uid === 0 ? `give it ${capabilities}` : "run it as root";
}

/** One tracker, or the mover. */
export function judgeRung(facts: MachineFacts, area: "trackers" | "movers", probe: Probe): RungFinding {
  const { name } = probe, none = { exactness: null, cpuMsPerGib: null };
  if (!probe.works) {
    const todo = adviceFor(facts, probe);
    return { area, name, mark: "no", says: probe.reason, ...(todo === undefined ? {} : { todo }), ...none };
  }
  const { exactness, cpuMsPerGib } = probe;
  const barred = REACH_OF[name]?.find((act) => facts.reach[act].asked > 0 && facts.reach[act].allowed === 0);
  if (barred) {
    const { does, needs } = NEEDED_FOR_OTHERS[barred];
    return { area, name, mark: "no", says: `this user may not ${does} (${facts.reach[barred].refusal})`, todo: allow(facts, needs), ...none };
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
