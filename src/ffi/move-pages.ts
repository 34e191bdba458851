// On which NUMA node a page of another process lies, and getting it to another one. move_pages(2), since Linux 2.6.18.
import { constants } from "node:os";
import { ptr } from "bun:ffi";
import { NR, rawSyscall } from "./libc.ts";

const { EINVAL, ESRCH } = constants.errno;

/** Pages that only this process maps; others are shared and refused with EACCES. include/uapi/linux/mempolicy.h */
const MPOL_MF_MOVE = 2;

/** In place of a status: the kernel has not got to this page. No errno and no node. */
export const UNTOUCHED = -4096;

/** Pages for one call, of a huge page any one. Allocate once, fill often; needs no bigint for each page. */
export class PageVector {
  readonly room: number;
  /** After a call: the node of each page, or -errno, or UNTOUCHED. */
  readonly status: Int32Array;
  private readonly addresses: Uint32Array;
  private readonly nodes: Int32Array;

  constructor(room: number) {
    this.room = room;
    this.status = new Int32Array(room);
    this.addresses = new Uint32Array(2 * room);
    this.nodes = new Int32Array(room);
  }

  /** `page` is address / 4096. */
  put(index: number, page: number): void {
    this.addresses[2 * index] = (page & 0xfffff) << 12;
    this.addresses[2 * index + 1] = (page / 2 ** 20) | 0;
  }

  /** Asks where the first `count` pages are. Returns 0 or -errno of the call: ESRCH where the process is gone or exits. */
  query(pid: number, count: number): number {
    return this.call(pid, count, 0);
  }

  /** Has the first `count` pages moved to `node`. Returns how many were not, or -errno; then the rest was not tried and has no status. */
  move(pid: number, count: number, node: number): number {
    this.nodes.fill(node, 0, count);
    return this.call(pid, count, ptr(this.nodes));
  }

  private call(pid: number, count: number, nodes: number): number {
    this.status.fill(UNTOUCHED, 0, count);
    const result = rawSyscall(NR.move_pages, pid, count, ptr(this.addresses), nodes, ptr(this.status), MPOL_MF_MOVE);
    // With a flag that is right this means that the process has no memory: it exits, or waits to be reaped. find_mm_struct() in mm/migrate.c
    return result === -EINVAL ? -ESRCH : result;
  }
}
