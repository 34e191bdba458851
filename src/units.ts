// Sizes as people write and read them. Powers of two throughout, as the kernel counts.

export const KIB = 1024;
export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;
export const TIB = 1024 ** 4;

/** Of a base page, wherever etmem looks at pages: trackers refuse kernels with larger ones. Page numbers are addresses / PAGE_BYTES. */
export const PAGE_BYTES = 4096;

/** The letters that may stand behind a number of bytes. */
export type SizeUnit = "k" | "m" | "g" | "t";

const unitBytes: Readonly<Record<SizeUnit, number>> = { k: KIB, m: MIB, g: GIB, t: TIB };

/** `10g`, `512M` or, where no unit is asked for, `4096`: bytes; absent if it is no size or too large to be counted exactly. */
export function parseSize(text: string, units: readonly SizeUnit[], bareBytes = true): number | undefined {
  const match = /^(\d+)([a-z]?)$/.exec(text.toLowerCase());
  if (match === null) return undefined;
  const [, digits = "", letter = ""] = match;
  if (letter === "" && !bareBytes) return undefined;
  const unit = units.find((known) => known === letter);
  if (letter !== "" && unit === undefined) return undefined;
  const bytes = Number(digits) * (unit === undefined ? 1 : unitBytes[unit]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Three significant places with the unit that keeps the number small: `1.5 GiB`, `12 MiB`, `800 B`. */
export function formatBytes(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = Math.abs(bytes);
  let step = 0;
  // 1023.5 would be printed as "1024", which belongs to the next unit.
  while (value >= 1023.5 && step < names.length - 1) {
    value /= 1024;
    step += 1;
  }
  const places = step === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const digits = Number(value.toFixed(places)).toString();
  return `${bytes < 0 ? "-" : ""}${digits} ${names[step] ?? "B"}`;
}
