// Words in colours, whose width is known before they are coloured. Pure.
import { left, widthOf } from "../columns.ts";

/** How a part of a line looks: codes of SGR, ECMA-48. */
export const LOOK = { plain: "", bold: "1", dim: "2", inverse: "7", red: "31", yellow: "33", green: "32" } as const;

/** `look` is one of LOOK or another code; nothing is coloured where the screen has no colours. */
export interface Part {
  readonly text: string;
  readonly look: string;
}

export function part(text: string, look: string = LOOK.plain): Part {
  return { text, look };
}

/** The line, no wider than the screen. */
export function paint(parts: readonly Part[], { width, colour }: { readonly width: number; readonly colour: boolean }): string {
  let room = width, line = "";
  for (const { text, look } of parts) {
    const shown = widthOf(text) <= room ? text : left(text, room);
    room -= widthOf(shown);
    line += colour && look !== "" && shown !== "" ? `\x1b[${look}m${shown}\x1b[0m` : shown;
  }
  return colour ? line : line.trimEnd();
}
