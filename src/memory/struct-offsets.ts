// Where the members that the page walk follows lie in this kernel's structs. Reading the BTF takes some 14 MB: the daemon has it
// done by a short-lived child.
import { readBtf } from "../proc/btf.ts";
import { kernelRoot, type Root } from "../proc/root.ts";
import type { StructOffsets } from "../ffi/page-table-walker.ts";

/** Throws UnsupportedError where the kernel has no BTF. */
export function readStructOffsets(root: Root = kernelRoot): StructOffsets {
  const btf = readBtf(root);
  return {
    files: btf.offset("task_struct", "files"),
    fdt: btf.offset("files_struct", "fdt"),
    fd: btf.offset("fdtable", "fd"),
    privateData: btf.offset("file", "private_data"),
    pgd: btf.offset("mm_struct", "pgd"),
    tasks: btf.offset("task_struct", "tasks"),
    pid: btf.offset("task_struct", "pid"),
  };
}
