// /proc/kallsyms: addresses of the kernel's symbols. It has megabytes of text: it is read in pieces and not kept.
import { closeSync, openSync, readSync } from "node:fs";
import { UnsupportedError } from "../errors.ts";
import type { Root } from "./root.ts";

const PIECE_BYTES = 1 << 20;

/** Throws UnsupportedError where the kernel does not tell. */
export function readSymbol(root: Root, name: string): bigint {
  const line = new RegExp(`^([0-9a-f]+) . ${name}$`, "m"), piece = Buffer.alloc(PIECE_BYTES), fd = openSync(`${root.proc}/kallsyms`, "r");
  try {
    let rest = "";
    for (let got = readSync(fd, piece); got > 0; got = readSync(fd, piece)) {
      const text = rest + piece.toString("latin1", 0, got), found = line.exec(text)?.[1];
      if (found !== undefined) return known(name, BigInt(`0x${found}`));
      rest = text.slice(text.lastIndexOf("\n") + 1);
    }
  } finally {
    closeSync(fd);
  }
  throw new UnsupportedError(`the kernel does not tell where ${name} is (CONFIG_KALLSYMS_ALL)`);
}

function known(name: string, address: bigint): bigint {
  if (address !== 0n) return address;
  throw new UnsupportedError(`the kernel hides where ${name} is: needs CAP_SYSLOG and kernel.kptr_restrict below 2`);
}
