// syslog(3), for a daemon without a terminal.
import { dlopen, ptr } from "bun:ffi";

const libc = dlopen("libc.so.6", {
  openlog: { args: ["ptr", "i32", "i32"], returns: "void" },
  // syslog(int priority, const char *format, ...): always called as ("%s", line), so that a % in a line is only text.
  syslog: { args: ["i32", "ptr", "ptr"], returns: "void" },
} as const).symbols;

// sys/syslog.h
const LOG_PID = 1, LOG_USER = 1 << 3;

const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text.replaceAll("\0", "")}\0`);

// The C library keeps the pointer to the name, and reads the format on each call: both live as long as the program.
const FORMAT = cString("%s");
let identity: Uint8Array | undefined;

/** Opens the system log under this name and gives the function that writes a line with a priority (0..7). */
export function openSyslog(name: string): (priority: number, line: string) => void {
  identity = cString(name);
  libc.openlog(ptr(identity), LOG_PID, LOG_USER);
  return (priority, line) => libc.syslog(priority, ptr(FORMAT), ptr(cString(line)));
}
