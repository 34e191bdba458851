// What the doctor makes of the user, the kernel and its settings: pure, from what was read.
import type { Kdamond } from "../proc/damon.ts";
import type { Finding } from "./doctor-finding.ts";
import type { Act, MachineFacts } from "./doctor-facts.ts";
import { openUp } from "./doctor-rungs.ts";

type Said = Omit<Finding, "area" | "name">;

export function judgeUser(facts: MachineFacts): Finding[] {
  const { uid, privileges: { capabilities, ownUserNamespace }, foreignPids, reach } = facts;
  const area = "user", useful = capabilities.map((name) => name.replace(/^CAP_/, "").toLowerCase()).join(" ");
  const findings: Finding[] = [{
    area, name: `uid ${uid}`,
    ...(uid === 0 ? { mark: "ok", says: `capabilities: ${useful || "none of use"}` }
      : { mark: "no", says: "the daemon runs as root only", todo: "run it as root" }),
  }];
  // Some may be closed even to root: a security module can do that.
  const acts = (Object.keys(reach) as Act[]).sort((a, b) => reach[a].allowed - reach[b].allowed), least = acts[0] && reach[acts[0]];
  if (least && least.asked > 0) {
    const says = `${least.allowed} of ${least.asked} may be seen and moved`, barred = acts.filter((act) => reach[act].allowed === least.allowed);
    const todo = least.allowed < least.asked ? openUp(facts, barred) : undefined;
    const mark = least.allowed === 0 ? "no" : todo === undefined ? "ok" : "warn";
    findings.push({ area, name: "processes", mark, says, ...(todo === undefined ? {} : { todo }) });
  }
  if (ownUserNamespace) findings.push({ area, name: "namespace", mark: "warn", says: "a user namespace of its own: capabilities mean less here" });
  if (foreignPids !== undefined) findings.push({ area, name: "pids", mark: "no", says: foreignPids });
  return findings;
}

export function judgeKernel({ arch, settings }: MachineFacts): Finding[] {
  const { release, lockdown, btf, jit, lruGen, hugePages, psi, kernelSwap } = settings;
  const rows: (readonly [string, Said])[] = [
    ["release", ok(`${release}, ${arch}`)],
    ["BTF", btf ? ok("there") : warn("not there: no page_walk")],
    ["lockdown", lockdownSays(lockdown)],
    ["BPF JIT", jitSays(jit)],
    ["PSI", psi ? ok("on") : warn("off: the kernel does not tell how much memory is short", "boot with psi=1 (CONFIG_PSI)")],
    ["MGLRU", ok(lruGen === undefined ? "not in this kernel" : lruGen ? "on: clearing by MADV_COLD costs four times as much" : "off")],
    ["huge pages", ok(hugePages === undefined ? "not in this kernel" : hugePagesSay(hugePages))],
  ];
  if (kernelSwap !== undefined) rows.push(["kernel swap", ok(`kernel_swap_enable is ${kernelSwap}${kernelSwap ? "" : ": only etmem swaps"}`)]);
  return rows.map(([name, said]) => ({ area: "kernel", name, ...said }));
}

export function judgeMemory({ cgroup: { version, memoryReclaim }, numa: { nodes, withCpu, tiers }, kdamonds }: MachineFacts): Finding[] {
  const far = nodes.filter((node) => !withCpu.includes(node)), farSays = far.length > 0 ? `, without CPUs: ${far.join(" ")}` : "";
  const ranked = tiers.length > 1 ? `, fastest first: ${tiers.map((tier) => tier.nodes.join("+")).join(", ")}` : "";
  const inV2 = memoryReclaim ? "memory.reclaim" : "no memory.reclaim (Linux 5.19 has it)";
  const reclaim = { v1: "so swapcache_high_wmark needs mover=swap_pages", v2: inV2, none: "" }[version];
  const rows: readonly (readonly [string, Said])[] = [
    ["cgroup", ok(version === "none" ? "no memory controller" : `${version}, ${reclaim}`)],
    ["NUMA", ok(`${nodes.length || 1} ${nodes.length > 1 ? "nodes" : "node"}${farSays}${ranked}`)],
    ["DAMON", kdamonds.length === 0 ? ok("not running") : warn(`runs (${kdamonds.map(kdamondSays).join("; ")}): left alone`)],
  ];
  return rows.map(([name, said]) => ({ area: "memory", name, ...said }));
}

const ok = (says: string): Said => ({ mark: "ok", says });
const warn = (says: string, todo?: string): Said => ({ mark: "warn", says, ...(todo === undefined ? {} : { todo }) });

function lockdownSays(lockdown: string | undefined): Said {
  if (lockdown === undefined) return ok("none, or securityfs is not mounted");
  return lockdown === "confidentiality" ? warn(`${lockdown}: no page_walk`) : ok(lockdown);
}

function jitSays(jit: string | undefined): Said {
  if (jit === undefined) return warn("not in this kernel: page_walk is slower");
  if (jit === "unreadable") return ok("not known: only root may read it");
  return jit === "0" ? warn("off: page_walk is slower", "sysctl net.core.bpf_jit_enable=1") : ok("on");
}

function hugePagesSay(mode: string): string {
  return mode === "never" ? "never" : `${mode}: one is hot as a whole if any part of it is, and moves as a whole`;
}

function kdamondSays({ pid, operations }: Kdamond): string {
  return `kdamond pid ${pid}${operations === undefined ? "" : `, ${operations}`}`;
}
