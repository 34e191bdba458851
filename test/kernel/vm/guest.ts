// The whole system of the virtual machine: what stands in its first root.
import { readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import type { Entry } from "./cpio.ts";

/** What the guest is told. */
export interface Orders {
  /** Paths of the kernel's modules, in the order to load them. */
  readonly modules: readonly string[];
  readonly swap: string;
  readonly swapBytes: number;
  /** Ends each of the command's streams; behind it, on stdout, the exit status. */
  readonly mark: string;
  readonly command: readonly string[];
  /** More programs: paths in the guest, and where they come from. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** All files of the guest. */
export function guestFiles(orders: Orders): Entry[] {
  const file = (path: string, from: string): Entry => ({ path, mode: 0o755, content: readFileSync(realpathSync(from)) });
  const text = (path: string, content: string): Entry => ({ path, content: Buffer.from(content) });
  const executable = join(import.meta.dir, "../../../dist/etmem");
  return [
    file("/init", join(import.meta.dir, "init.sh")),
    file("/bin/busybox", Bun.which("busybox") ?? "/bin/busybox"),
    file("/usr/bin/etmem", executable),
    { path: "/usr/bin/etmemd", link: "etmem" },
    ...Object.entries(orders.programs ?? {}).map(([path, from]) => file(path, from)),
    ...libraries(executable).map((path) => file(path, path)),
    ...orders.modules.map((path) => file(`/modules/${basename(path)}`, path)),
    text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
    text("/etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    text("/settings", settings(orders)),
    text("/command", `exec ${orders.command.map(quoted).join(" ")}\n`),
  ];
}

function settings({ swap, swapBytes, modules, mark }: Orders): string {
  return `SWAP=${swap}\nSWAP_BYTES=${swapBytes}\nMODULES=${quoted(modules.map((path) => basename(path, ".ko")).join(" "))}\nMARK=${mark}\n`;
}

/** The C library's files and the loader, as ldd(1) lists them. */
function libraries(executable: string): string[] {
  const listed = Bun.spawnSync(["ldd", executable]).stdout.toString();
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
