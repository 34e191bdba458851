// dlopen(3) itself instead of the runtime's, for RTLD_LOCAL, for the address of a variable, and for the loader's own words.
import { CFunction, CString, dlopen, ptr, type FFITypeOrString, type Pointer } from "bun:ffi";
import { EtmemError } from "../errors.ts";

// In libc itself since glibc 2.34, where libdl remains as an empty shell that leads there.
const libdl = dlopen("libdl.so.2", {
  dlopen: { args: ["ptr", "i32"], returns: "usize" },
  dlsym: { args: ["usize", "ptr"], returns: "usize" },
  dlerror: { args: [], returns: "usize" },
} as const).symbols;

const RTLD_NOW = 2, RTLD_LOCAL = 0; // bits/dlfcn.h

/** The handle of a library. Its constructors have run. */
export function openLibrary(path: string): number {
  const library = Number(libdl.dlopen(ptr(terminated(path)), RTLD_NOW | RTLD_LOCAL));
  if (library === 0) throw new EtmemError(lastError());
  return library;
}

/** Where a variable or function of the library lies; undefined if it has none of this name. */
export function symbolAddress(library: number, name: string): number | undefined {
  return Number(libdl.dlsym(library, ptr(terminated(name)))) || undefined;
}

/** A function of C by its address. */
export function functionAt(address: number, args: readonly FFITypeOrString[], returns: FFITypeOrString): (...values: unknown[]) => unknown {
  return CFunction({ ptr: address as Pointer, args: [...args], returns }) as unknown as (...values: unknown[]) => unknown;
}

function lastError(): string {
  const text = Number(libdl.dlerror());
  return text === 0 ? "the loader gives no reason" : new CString(text as Pointer).toString();
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
