// The archive that a kernel unpacks as its first root: "newc", Documentation/driver-api/early-userspace/buffer-format.rst.
import { dirname } from "node:path";

/** A file, or a symbolic link to `link`. */
export type Entry = { readonly path: string; readonly mode?: number } & ({ readonly content: Uint8Array } | { readonly link: string });

const DIRECTORY = 0o040755, FILE = 0o100000, LINK = 0o120777, END = "TRAILER!!!";

/** The archive in pieces, so that large files are not copied. Folders are made as the paths need them; all belongs to root. */
export function cpio(entries: readonly Entry[]): Uint8Array[] {
  const folders = new Set<string>();
  for (const { path } of entries) for (let at = dirname(path); at !== "/"; at = dirname(at)) folders.add(at);
  const nothing = new Uint8Array();
  return [
    ...[...folders].sort().flatMap((path) => member(path, DIRECTORY, nothing)),
    ...entries.flatMap((entry) =>
      "link" in entry ? member(entry.path, LINK, Buffer.from(entry.link)) : member(entry.path, FILE | (entry.mode ?? 0o644), entry.content)),
    ...member(END, 0, nothing),
  ];
}

let inode = 0;

function member(path: string, mode: number, content: Uint8Array): Uint8Array[] {
  const name = `${path.replace(/^\//, "")}\0`;
  inode += 1;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, Buffer.byteLength(name), 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}`;
  return [padded(Buffer.from(head)), content, new Uint8Array(-content.length & 3)];
}

function padded(bytes: Buffer): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
