// Where the members of a C struct lie: each at the next multiple of its own size, the whole a multiple of the largest.
// System V ABI of x86-64; AAPCS64 has the same rules.

const BYTES = { bool: 1, i32: 4, i64: 8, pointer: 8 } as const;

export type CType = keyof typeof BYTES;

export interface CLayout<Name extends string> {
  readonly bytes: number;
  readonly offsets: Readonly<Record<Name, number>>;
  readonly types: Readonly<Record<Name, CType>>;
}

/** The layout of a struct whose members are given in their order. */
export function layoutOf<const Name extends string>(types: Readonly<Record<Name, CType>>): CLayout<Name> {
  const offsets = {} as Record<Name, number>;
  let end = 0, widest = 1;
  for (const name of Object.keys(types) as Name[]) {
    const width = BYTES[types[name]];
    offsets[name] = roundUp(end, width);
    end = offsets[name] + width;
    widest = Math.max(widest, width);
  }
  return { bytes: roundUp(end, widest), offsets, types };
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
