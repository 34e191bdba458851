import { dlopen } from "bun:ffi";

/** Bytes of a base page of this kernel: 4096 on x86-64; 4096, 16384 or 65536 on arm64. */
export function basePageBytes(): number {
  const libc = dlopen("libc.so.6", { getpagesize: { args: [], returns: "i32" } } as const);
  const bytes = libc.symbols.getpagesize();
  libc.close();
  return bytes;
}
