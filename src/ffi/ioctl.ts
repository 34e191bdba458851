// The requests that openEuler's modules take: etmem_scan on a descriptor of idle_pages, etmem_swap on one of swap_pages.
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

/** _IOW(0x77, 1 and 2, u32). fs/proc/etmem_swap.c of openEuler's late 5.10 and 6.6 kernels. Without a module of that age nothing happens. */
const RECLAIM_SWAPCACHE_ON = 0x40047701n, SET_SWAPCACHE_WMARK = 0x40047702n;

/** The marks as the module takes them: the low one in the lowest byte, the high one in the next. */
export function packMarks({ highPercent, lowPercent }: Marks): number {
  return (highPercent << 8) | lowPercent;
}

/** Shares of all memory, in percent; they hold for the whole machine. */
interface Marks {
  readonly highPercent: number;
  readonly lowPercent: number;
}

/** Has the module free swap cache down to the low mark, by itself and later, if there is more than the high one. False where it does not know how. */
export function reclaimSwapCache(fd: number, marks: Marks): boolean {
  const packed = new Uint32Array([packMarks(marks)]);
  return [SET_SWAPCACHE_WMARK, RECLAIM_SWAPCACHE_ON].every((request) => {
    if (c.ioctl(fd, request, ptr(packed)) === 0) return true;
    const error = new SysError("ioctl swap_pages", `fd ${fd}`, errno());
    if (error.code === "EPERM" || error.code === "ENOTTY" || error.code === "EOPNOTSUPP") return false; // EPERM: an unknown request
    throw error;
  });
}
