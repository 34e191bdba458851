// Reading one byte of a page of another process: the kernel makes the page present, as for the process itself, and does not dirty it.
import { ptr } from "bun:ffi";
import { SysError } from "../errors.ts";
import { PAGE_BYTES } from "../units.ts";
import { c, errno } from "./libc.ts";

const byte = new Uint8Array(1);

/** What touching some pages came to. */
export interface Touched {
  pages: number;
  /** Pages that cannot be read: unmapped meanwhile, or not to be read by anybody. */
  refused: number;
  /** The address space is gone. */
  gone: boolean;
}

/**
 * Touches pages from..to-1 through a descriptor of the process's own mem file, which belongs to one address space for ever. Advice to the kernel
 * (MADV_WILLNEED) would only fill the swap cache, which is taken away again before anything else.
 */
export function touchPages(memory: number, from: number, to: number): Touched {
  const touched: Touched = { pages: 0, refused: 0, gone: false };
  for (let page = from; page < to; page++) {
    const got = Number(c.pread(memory, ptr(byte), 1, page * PAGE_BYTES));
    if (got === 1) touched.pages += 1;
    else if (got === 0) return { ...touched, gone: true };
    else if (!isRefused(errno(), page)) return { ...touched, gone: true };
    else touched.refused += 1;
  }
  return touched;
}

/** EIO: nothing is mapped there. ESRCH: nobody is there any more. */
function isRefused(code: number, page: number): boolean {
  const error = new SysError("read mem", `0x${(page * PAGE_BYTES).toString(16)}`, code);
  if (error.code === "EIO" || error.code === "EFAULT" || error.code === "EINTR") return true;
  if (error.code === "ESRCH") return false;
  throw error;
}
