// The requests that openEuler's module etmem_scan takes on a descriptor of idle_pages.
import { ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { c, errno } from "./libc.ts";

/** _IOW(0x66, 2, u32); the argument is a pointer to the flags. fs/proc/etmem_scan.c of openEuler's 5.10 and 6.6 kernels. */
const VMA_SCAN_ADD_FLAGS = 0x40046602n, IDLE_SCAN_ADD_FLAGS = 0x40046600n;
/** Report only memory that its process has marked with MADV_SWAPFLAG. */
const VMA_SCAN_FLAG = 0x1000;
/** In a virtual machine's memory: 2 MiB as one page, whatever the guest maps; accesses through the host's page tables count as none. */
const SCAN_AS_HUGE = 0x1000000, SCAN_IGN_HOST = 0x2000000;

/** Restricts what the descriptor reports to marked memory. False where the kernel does not know such marks. */
export function scanMarkedOnly(fd: number): boolean {
  const flags = new Uint32Array([VMA_SCAN_FLAG]);
  if (c.ioctl(fd, VMA_SCAN_ADD_FLAGS, ptr(flags)) === 0) return true;
  const error = new SysError("ioctl VMA_SCAN_ADD_FLAGS", `fd ${fd}`, errno());
  if (error.code === "EOPNOTSUPP" || error.code === "ENOTTY") return false;
  throw error;
}

/** Has the descriptor report a virtual machine's memory as the original has it for hugetlb pages. Other processes it means nothing to. */
export function scanGuestPages(fd: number, { ignoreHost }: { ignoreHost: boolean }): void {
  const flags = new Uint32Array([SCAN_AS_HUGE | (ignoreHost ? SCAN_IGN_HOST : 0)]);
  if (c.ioctl(fd, IDLE_SCAN_ADD_FLAGS, ptr(flags)) !== 0) throw new SysError("ioctl IDLE_SCAN_ADD_FLAGS", `fd ${fd}`, errno());
}
