// Blanks as g_ascii_isspace knows them, on one line. Loops, because expressions for the end of a long line take quadratic time.

/** The first place at or behind `from` that is not blank; the length of the text if all is. */
export function skipBlanks(text: string, from = 0): number {
  let at = from;
  while (isBlank(text[at])) at += 1;
  return at;
}

/** The text without blanks at its end. */
export function dropBlanksAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1])) end -= 1;
  return text.slice(0, end);
}

/** The text without blanks around it. */
export function trimBlanks(text: string): string {
  return dropBlanksAtEnd(text.slice(skipBlanks(text)));
}

function isBlank(letter: string | undefined): boolean {
  return letter === " " || letter === "\t" || letter === "\r" || letter === "\f";
}
