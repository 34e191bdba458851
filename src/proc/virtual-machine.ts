// Which processes hold a virtual machine of KVM.
import { readdirSync, readlinkSync } from "node:fs";
import { SysError, isGone } from "../errors.ts";
import type { Root } from "./root.ts";

/** Has it a machine's descriptor open? False where it is gone. Throws SysError where its descriptors may not be seen. */
export function isVirtualMachine(root: Root, pid: number): boolean {
  const folder = `${root.proc}/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => targetOf(`${folder}/${fd}`) === "anon_inode:kvm-vm");
  } catch (error) {
    if (isGone(error)) return false;
    throw new SysError("readdir", folder, (error as NodeJS.ErrnoException).code ?? String(error), "seeing descriptors needs CAP_SYS_PTRACE");
  }
}

/** A descriptor may be closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
