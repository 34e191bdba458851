// Text in columns of a terminal: what is short, harmless and as wide as it is meant to be.
import { formatBytes } from "../units.ts";

/** `1.5G`, `512M`, `0`: at most five characters, six with a sign. */
export function compactBytes(bytes: number): string {
  return formatBytes(bytes).replace(/ (?:([KMGTP])i)?B$/, "$1");
}

/** `0.90s`, `85s`, `12m05s`, `3h07m`, `2d04h`. */
export function compactSeconds(seconds: number): string {
  const whole = Math.floor(seconds), two = (value: number): string => String(value).padStart(2, "0");
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)}s`;
  if (whole < 120) return `${whole}s`;
  if (whole < 7200) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86_400)}d${two(Math.floor(whole / 3600) % 24)}h`;
}

/** A process chooses its name itself: nothing in it shall move the cursor, change colours or turn the direction of writing. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, "?");
}

/** How many cells of a terminal the text takes; its colours take none. */
export function widthOf(text: string): number {
  return Bun.stringWidth(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** No wider than this, with `…` for what is missing. For text without colours. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "", width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Exactly this wide: cut, or filled with blanks on the right. */
export function left(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + " ".repeat(Math.max(0, columns - widthOf(shown)));
}

/** Exactly this wide: cut, or filled with blanks on the left. */
export function right(text: string, columns: number): string {
  const shown = cut(text, columns);
  return " ".repeat(Math.max(0, columns - widthOf(shown))) + shown;
}
