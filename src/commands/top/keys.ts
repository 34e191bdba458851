// What the keys of `etmem top` mean. Pure.

export type Action = "quit" | "suspend" | "redraw" | { readonly scroll: number } | { readonly scrollTo: "first" | "last" };

/** How far a page is, in processes. */
const PAGE = 10;

const KEYS: Readonly<Record<string, Action>> = {
  q: "quit", Q: "quit", "\x03": "quit", "\x04": "quit", "\x1a": "suspend", "\x0c": "redraw",
  j: { scroll: 1 }, k: { scroll: -1 }, "\x1b[B": { scroll: 1 }, "\x1b[A": { scroll: -1 }, "\x1bOB": { scroll: 1 }, "\x1bOA": { scroll: -1 },
  " ": { scroll: PAGE }, "\x1b[6~": { scroll: PAGE }, "\x1b[5~": { scroll: -PAGE },
  g: { scrollTo: "first" }, G: { scrollTo: "last" }, "\x1b[H": { scrollTo: "first" }, "\x1b[F": { scrollTo: "last" },
  "\x1b[1~": { scrollTo: "first" }, "\x1b[4~": { scrollTo: "last" },
};

/** The meanings of what came from the keyboard, which may be several keys at once; a key without meaning is passed over. */
export function actionsOf(typed: string): Action[] {
  const keys = typed.match(/\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Z])|[\s\S]/g) ?? [];
  return keys.flatMap((key) => (Object.hasOwn(KEYS, key) ? [KEYS[key] as Action] : []));
}
