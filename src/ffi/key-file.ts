// A key file of GLib, which libraries of third parties read their keys from. GLib is loaded when the first one is made.
import { CString, dlopen, ptr, read, type Pointer } from "bun:ffi";
import { EtmemError, UnsupportedError } from "../errors.ts";

const LIBRARY = "libglib-2.0.so.0";

type Glib = ReturnType<typeof loadGlib>;
let glib: Glib | undefined;

/** Calls with a GKeyFile of this text, which is freed afterwards. */
export function withKeyFile<T>(text: string, use: (keyFile: number) => T): T {
  glib ??= loadGlib();
  const keyFile = Number(glib.g_key_file_new());
  try {
    load(glib, keyFile, text);
    return use(keyFile);
  } finally {
    glib.g_key_file_unref(keyFile);
  }
}

function loadGlib() {
  try {
    return dlopen(LIBRARY, {
      g_key_file_new: { args: [], returns: "usize" },
      g_key_file_load_from_data: { args: ["usize", "ptr", "usize", "i32", "ptr"], returns: "i32" },
      g_key_file_unref: { args: ["usize"], returns: "void" },
    } as const).symbols;
  } catch (cause) {
    throw new UnsupportedError(`the library needs GLib: ${LIBRARY} cannot be loaded; install the package glib2 (Debian: libglib2.0-0)`, { cause });
  }
}

const G_KEY_FILE_NONE = 0;
/** struct GError { GQuark domain; gint code; gchar *message; } */
const MESSAGE_OFFSET = 8;

function load(lib: Glib, keyFile: number, text: string): void {
  const bytes = new TextEncoder().encode(text), failure = new BigUint64Array(1);
  if (lib.g_key_file_load_from_data(keyFile, ptr(bytes), bytes.length, G_KEY_FILE_NONE, ptr(failure)) !== 0) return;
  const error = Number(failure[0]);
  const reason = error === 0 ? "no reason given" : new CString(read.ptr(error as Pointer, MESSAGE_OFFSET) as Pointer).toString();
  throw new EtmemError(`GLib cannot read the keys: ${reason}`);
}
