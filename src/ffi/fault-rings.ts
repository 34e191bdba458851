// Major page faults of the whole machine, with process and address, as the kernel writes them into one ring for each CPU. perf_event_open(2)
//
// One set of rings serves all threads of this process: they are mapped read-only, so that the kernel overwrites what is old and each reader keeps
// its own place. Events of single targets would need one for each of their threads and each CPU, and would miss threads that come later.
import { closeSync } from "node:fs";
import { ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import { c, errno, mapShared, NR, rawSyscall, unmap, viewOf } from "./libc.ts";

/** Plain data: can be sent to another thread of this process. */
export interface FaultRings {
  readonly fds: readonly number[];
  /** Of the mappings: a page of the kernel's, then RING_BYTES of records. */
  readonly addresses: readonly number[];
}

const RING_BYTES = 64 << 10;

/** struct perf_event_attr as of Linux 4.1: PERF_ATTR_SIZE_VER5. */
const ATTR_BYTES = 112;
const ATTR = { type: 0, size: 4, config: 8, samplePeriod: 16, sampleType: 24 } as const;
const PERF_TYPE_SOFTWARE = 1, PERF_COUNT_SW_PAGE_FAULTS_MAJ = 6, PERF_SAMPLE_TID = 2, PERF_SAMPLE_ADDR = 8, PERF_FLAG_FD_CLOEXEC = 8;

/** Needs CAP_PERFMON, or kernel.perf_event_paranoid of 0 or less. Throws SysError. */
export function openFaultRings(cpus: readonly number[]): FaultRings {
  const fds: number[] = [], addresses: number[] = [];
  try {
    for (const cpu of cpus) {
      const fd = openEvent(cpu);
      fds.push(fd);
      addresses.push(mapShared(fd, PAGE_BYTES + RING_BYTES));
    }
  } catch (error) {
    closeFaultRings({ fds, addresses });
    throw error;
  }
  return { fds, addresses };
}

/** _IO('$', 0) and _IO('$', 1), include/uapi/linux/perf_event.h. */
const PERF_EVENT_IOC_ENABLE = 0x2400n, PERF_EVENT_IOC_DISABLE = 0x2401n;

/** Lets the kernel write, or not, for as long as nobody reads. */
export function switchFaultRings({ fds }: FaultRings, on: boolean): void {
  for (const fd of fds) {
    if (c.ioctl(fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, null) < 0) throw new SysError("ioctl PERF_EVENT_IOC", `fd ${fd}`, errno());
  }
}

/** No reader may use them any more. */
export function closeFaultRings({ fds, addresses }: FaultRings): void {
  for (const address of addresses) unmap(address, PAGE_BYTES + RING_BYTES);
  for (const fd of fds) closeSync(fd);
}

function openEvent(cpu: number): number {
  const attr = new DataView(new ArrayBuffer(ATTR_BYTES));
  attr.setUint32(ATTR.type, PERF_TYPE_SOFTWARE, true);
  attr.setUint32(ATTR.size, ATTR_BYTES, true);
  attr.setUint32(ATTR.config, PERF_COUNT_SW_PAGE_FAULTS_MAJ, true);
  attr.setUint32(ATTR.samplePeriod, 1, true);
  attr.setUint32(ATTR.sampleType, PERF_SAMPLE_TID | PERF_SAMPLE_ADDR, true);
  const fd = rawSyscall(NR.perf_event_open, ptr(attr.buffer as ArrayBuffer), -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0) throw new SysError("perf_event_open", `CPU ${cpu}`, -fd, "needs CAP_PERFMON or kernel.perf_event_paranoid=0");
  return fd;
}

/** The kernel writes over the oldest records before its head says so: some at once, as one event may interrupt another. */
const READABLE_BYTES = RING_BYTES - 1024;

/** In words of 32 bits: u64 data_head of struct perf_event_mmap_page. */
const DATA_HEAD = 1024 / 4, DATA = PAGE_BYTES / 4, RING_WORDS = RING_BYTES / 4;
/** struct perf_event_header { u32 type; u16 misc; u16 size }, then { u32 pid, tid; u64 addr }. */
const PERF_RECORD_THROTTLE = 5, PERF_RECORD_SAMPLE = 9, SAMPLE_BYTES = 24;

/** Called with the process, in our own PID namespace, and the page of each fault. */
export type VisitFault = (pid: number, page: number) => void;

/** Reads what has come since its last read. One of these serves one thread. */
export class FaultReader {
  private readonly rings: readonly Uint32Array[];
  private readonly tails: number[];
  private readonly copy = new Uint32Array(RING_WORDS);

  constructor({ addresses }: FaultRings) {
    this.rings = addresses.map((address) => new Uint32Array(viewOf(address, PAGE_BYTES + RING_BYTES)));
    this.tails = this.rings.map(headOf);
  }

  /** Returns how many records were overwritten before they could be read; Infinity where the kernel has held back some and does not say how many. */
  read(visit: VisitFault): number {
    let lost = 0;
    for (let i = 0; i < this.rings.length; i++) lost += this.readRing(i, visit);
    return lost;
  }

  private readRing(index: number, visit: VisitFault): number {
    const ring = this.rings[index]!, tail = this.tails[index]!, head = headOf(ring);
    if (head === tail) return 0;
    if (head - tail <= READABLE_BYTES) this.copyOut(ring, tail, head);
    const after = headOf(ring);
    if (after - tail > READABLE_BYTES) { // only where a record ends is known where the next one begins
      this.tails[index] = after;
      return Math.ceil((after - tail) / SAMPLE_BYTES);
    }
    this.tails[index] = head;
    return this.visitAll((head - tail) / 4, visit);
  }

  private copyOut(ring: Uint32Array, tail: number, head: number): void {
    const from = (tail % RING_BYTES) / 4, words = (head - tail) / 4, first = Math.min(words, RING_WORDS - from);
    this.copy.set(ring.subarray(DATA + from, DATA + from + first));
    this.copy.set(ring.subarray(DATA, DATA + words - first), first);
  }

  private visitAll(words: number, visit: VisitFault): number {
    const { copy } = this;
    let lost = 0;
    for (let at = 0; at < words;) {
      const type = copy[at]!, bytes = copy[at + 1]! >>> 16;
      if (bytes < 8) return Infinity; // no record: what follows cannot be told
      if (type === PERF_RECORD_SAMPLE) visit(copy[at + 2]!, copy[at + 5]! * 2 ** 20 + (copy[at + 4]! >>> 12));
      else if (type === PERF_RECORD_THROTTLE) lost = Infinity;
      at += bytes / 4;
    }
    return lost;
  }
}

/** The upper half is read before and after the lower one, so that both are of one moment. */
function headOf(ring: Uint32Array): number {
  for (;;) {
    const high = ring[DATA_HEAD + 1]!, low = ring[DATA_HEAD]!;
    if (ring[DATA_HEAD + 1] === high) return high * 2 ** 32 + low;
  }
}
