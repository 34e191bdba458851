// What this process may do. proc_pid_status(5), CapEff and Seccomp; user_namespaces(7), uid_map
import { readTextIfAny } from "./kernel-text.ts";
import type { Root } from "./root.ts";

/** Numbers of the capabilities that seeing and moving memory needs. include/uapi/linux/capability.h */
const CAPABILITIES = {
  CAP_DAC_OVERRIDE: 1, CAP_DAC_READ_SEARCH: 2, CAP_SYS_RAWIO: 17, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21, CAP_SYS_NICE: 23, CAP_SYSLOG: 34,
  CAP_PERFMON: 38, CAP_BPF: 39,
} as const;

export type Capability = keyof typeof CAPABILITIES;

export interface Privileges {
  readonly capabilities: readonly Capability[];
  /** In a user namespace of its own capabilities mean less than their names say. */
  readonly ownUserNamespace: boolean;
  /** A filter decides about its system calls, whatever the capabilities: a container's, or a unit's. */
  readonly filtered: boolean;
}

export function readPrivileges(root: Root): Privileges {
  const status = readTextIfAny(`${root.proc}/self/status`) ?? "", effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const names = (Object.keys(CAPABILITIES) as Capability[]).filter((name) => (effective >> BigInt(CAPABILITIES[name])) & 1n);
  const map = readTextIfAny(`${root.proc}/self/uid_map`) ?? "";
  const ownUserNamespace = map !== "" && map.split(/\s+/).join(" ") !== "0 0 4294967295";
  return { capabilities: names, ownUserNamespace, filtered: /^Seccomp:\s*2$/m.test(status) };
}
