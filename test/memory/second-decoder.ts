// A second reader of the bytes of idle_pages, written from the description alone and as plainly as it can be: bigints, objects, no tricks.

export interface PlainItem {
  readonly address: bigint;
  readonly kind: number;
}

export interface PlainReading {
  /** One for each page that is no hole, of its own size. */
  readonly items: readonly PlainItem[];
  readonly end: bigint | null;
}

const SIZES: readonly bigint[] = [
  4096n, 2n << 20n, 1n << 30n, 4096n, 2n << 20n, 4096n, 2n << 20n, 2n << 20n, 4096n, 2n << 20n,
];

/** null where the bytes are damaged. Every read of the module begins with an address. */
export function decodePlainly(bytes: Uint8Array): PlainReading | null {
  const items: PlainItem[] = [];
  let address: bigint | null = null, end: bigint | null = null;
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at]!;
    at += 1;
    if (byte === 0xa0) {
      if (at + 8 > bytes.length) return null;
      const next = Buffer.from(bytes).readBigUInt64BE(at);
      at += 8;
      if (next % 4096n !== 0n || next >= 1n << 56n || (end !== null && next < end - (2n << 20n))) return null;
      address = next;
      end = end === null || next > end ? next : end;
    } else if (byte === 0) {
      address = null;
    } else {
      const kind = byte >> 4, size = SIZES[kind];
      if (address === null || size === undefined || (byte & 15) === 0) return null;
      if (size > 4096n && address % size !== 0n) return null;
      for (let n = byte & 15; n > 0; n -= 1) {
        if (kind <= 6) items.push({ address, kind });
        address += size;
      }
      end = end === null || address > end ? address : end;
    }
  }
  return end !== null && end > 1n << 56n ? null : { items, end };
}
