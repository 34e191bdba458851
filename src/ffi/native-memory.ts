// Structs and strings in memory of the C library's, for code that keeps pointers to them: nothing moves or frees them.
import { dlopen, toArrayBuffer, type Pointer } from "bun:ffi";
import { SysError } from "../errors.ts";
import type { CLayout } from "./c-layout.ts";

const libc = dlopen("libc.so.6", {
  calloc: { args: ["usize", "usize"], returns: "usize" },
} as const).symbols;

/** A struct in native memory. */
export class NativeStruct<Name extends string> {
  readonly address: number;
  readonly #layout: CLayout<Name>;
  readonly #view: DataView;

  /** Zeroed, as calloc(3) gives it; or the one that lies at an address. */
  constructor(layout: CLayout<Name>, address?: number) {
    this.address = address ?? allocate(layout.bytes);
    this.#layout = layout;
    this.#view = new DataView(toArrayBuffer(this.address as Pointer, 0, layout.bytes));
  }

  set(values: Readonly<Partial<Record<Name, number>>>): void {
    for (const [name, value] of Object.entries(values) as [Name, number][]) {
      const at = this.#layout.offsets[name], type = this.#layout.types[name];
      if (type === "pointer" || type === "i64") this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
      else if (type === "bool") this.#view.setUint8(at, value);
      else this.#view.setInt32(at, value, true);
    }
  }

  /** A pointer member; addresses of user space are exact as numbers. */
  pointer(name: Name): number {
    return Number(this.#view.getBigUint64(this.#layout.offsets[name], true));
  }
}

/** A string of C in memory of its own; a library may replace or free it. */
export function nativeString(text: string): number {
  const bytes = new TextEncoder().encode(`${text}\0`), address = allocate(bytes.length);
  new Uint8Array(toArrayBuffer(address as Pointer, 0, bytes.length)).set(bytes);
  return address;
}

function allocate(bytes: number): number {
  const address = Number(libc.calloc(1, bytes));
  if (address === 0) throw new SysError("calloc", `${bytes} bytes`, "ENOMEM");
  return address;
}
