// The requests that openEuler's modules take: etmem_scan on a descriptor of idle_pages, etmem_swap on one of swap_pages.
import { ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { c, errno } from "./libc.ts";

/** _IOW(0x66, 0 and 2, u32). fs/proc/etmem_scan.c of openEuler's 5.10 and 6.6 kernels. Where both are known they do the same. */
const IDLE_SCAN_ADD_FLAGS = 0x40046600n, VMA_SCAN_ADD_FLAGS = 0x40046602n;
/** Report only memory that its process has marked with MADV_SWAPFLAG. */
const VMA_SCAN_FLAG = 0x1000;
/** What the host's page tables say of an access counts as none. */
const SCAN_IGN_HOST = 0x2000000;
/** _IOW(0x77, 1 and 2, u32). fs/proc/etmem_swap.c of openEuler's late 5.10 and 6.6 kernels. */
const RECLAIM_SWAPCACHE_ON = 0x40047701n, SET_SWAPCACHE_WMARK = 0x40047702n;

/** Restricts what the descriptor of idle_pages reports to marked memory. False where the module does not know such marks. */
export function scanMarkedOnly(fd: number): boolean {
  const code = request(fd, VMA_SCAN_ADD_FLAGS, VMA_SCAN_FLAG);
  if (code !== null && !isUnknown(code)) throw new SysError("ioctl VMA_SCAN_ADD_FLAGS", "idle_pages", code);
  return code === null;
}

/**
 * Has the descriptor report accesses by a guest of KVM alone; of any other process it would call every page idle. False where the module does not
 * know how. SCAN_AS_HUGE, which the original sends as well, is left out: under it the module calls idle what the guest maps by base pages.
 */
export function ignoreHostAccesses(fd: number): boolean {
  let code = request(fd, IDLE_SCAN_ADD_FLAGS, SCAN_IGN_HOST);
  if (code !== null && isUnknown(code)) code = request(fd, VMA_SCAN_ADD_FLAGS, SCAN_IGN_HOST); // some builds have only these
  if (code !== null && !isUnknown(code)) throw new SysError("ioctl IDLE_SCAN_ADD_FLAGS", "idle_pages", code);
  return code === null;
}

/** Shares of all memory, in percent; they hold for the whole machine. */
interface Marks {
  readonly highPercent: number;
  readonly lowPercent: number;
}

/** The marks as the module takes them: the low one in the lowest byte, the high one in the next. */
export function packMarks({ highPercent, lowPercent }: Marks): number {
  return (highPercent << 8) | lowPercent;
}

/** A low mark above the high one, which every module that knows marks refuses. */
const IMPOSSIBLE = { highPercent: 0, lowPercent: 1 };

/** Asks a descriptor of swap_pages, changing nothing, whether its module can free swap cache: undefined, or what is wrong. */
export function noSwapCacheRequests(fd: number): string | undefined {
  return judgeImpossibleMarks(request(fd, SET_SWAPCACHE_WMARK, packMarks(IMPOSSIBLE)));
}

/** What the answer to impossible marks means: the errno's name, null for success. */
export function judgeImpossibleMarks(code: string | null): string | undefined {
  if (code === "EFAULT") return undefined;
  const answer = code ?? "taken, though they are impossible";
  return `this etmem_swap cannot free the swap cache (ioctl SET_SWAPCACHE_WMARK on swap_pages: ${answer}): it needs the module of a newer kernel`;
}

/** Has the module free swap cache down to the low mark, by itself and later, if there is more than the high one. Throws SysError. */
export function reclaimSwapCache(fd: number, marks: Marks): void {
  const set = request(fd, SET_SWAPCACHE_WMARK, packMarks(marks));
  if (set !== null) throw new SysError("ioctl SET_SWAPCACHE_WMARK", "swap_pages", set);
  const on = request(fd, RECLAIM_SWAPCACHE_ON, 0);
  if (on !== null) throw new SysError("ioctl RECLAIM_SWAPCACHE_ON", "swap_pages", on);
}

/** With a pointer to the argument, as all of them take it. null, or the name of the errno. */
function request(fd: number, number: bigint, argument: number): string | null {
  const pointed = new Uint32Array([argument]);
  return c.ioctl(fd, number, ptr(pointed)) === 0 ? null : new SysError("ioctl", "", errno()).code;
}

/** ENOTTY: a module from before there were requests; EOPNOTSUPP: one that does not know this one. */
function isUnknown(code: string): boolean {
  return code === "EOPNOTSUPP" || code === "ENOTTY";
}
