// Lines for a terminal as a picture: text with its colours (SGR) becomes SVG that looks the same on light and dark pages.

/** A run of characters that look alike. `column` and `columns` count cells of the terminal. */
export interface Span {
  readonly text: string;
  readonly column: number;
  readonly columns: number;
  readonly style: Style;
}

export interface Style {
  /** As `#rrggbb`; absent for the terminal's own. */
  readonly foreground?: string;
  readonly background?: string;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly inverse?: boolean;
}

const CELL = { width: 8.4, height: 18 } as const, BASELINE = 13.5, MARGIN = 12, TITLE = 26, FONT_PX = 14;
const INK = "#d8dee9", PAPER = "#1b1f27", FRAME = "#2a303c", FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";

/** The first 16 colours: those of a dark terminal, each readable on PAPER. */
const SIXTEEN = [
  "#3b4252", "#e5666e", "#8fc47c", "#e8c46b", "#6aa5e8", "#c58fd6", "#63c2c9", "#d8dee9",
  "#7b8698", "#ff8a90", "#b2e39f", "#ffe08a", "#92c1ff", "#e0b0ee", "#8fe3e8", "#ffffff",
];
const CUBE = [0, 95, 135, 175, 215, 255];

/** The picture, with the lines as a terminal would show them and a title above. */
export function terminalSvg(lines: readonly string[], { title, columns }: { readonly title: string; readonly columns?: number }): string {
  const rows = lines.map(spansOf);
  const cells = columns ?? Math.max(1, ...rows.map((row) => row.reduce((end, span) => Math.max(end, span.column + span.columns), 0)));
  const width = round(cells * CELL.width + 2 * MARGIN), height = lines.length * CELL.height + 2 * MARGIN + TITLE;
  const body = rows.flatMap((row, line) => row.flatMap((span) => draw(span, TITLE + MARGIN + line * CELL.height)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${PAPER}"/><path d="M0 ${TITLE}h${width}" stroke="${FRAME}"/>`,
    `<g font-family="${FONTS}" font-size="${FONT_PX}" fill="${INK}" xml:space="preserve">`,
    `<text x="${MARGIN}" y="18" fill="#7b8698">${escape(title)}</text>`,
    ...body, "</g>", "</svg>", "",
  ].join("\n");
}

/** A line cut where its look changes; control sequences other than colours are refused, since a picture has no cursor. */
export function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let style: Style = {}, column = 0;
  for (const [, sequence, text = ""] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+|\x1b)/g)) {
    if (sequence !== undefined) {
      style = restyle(style, sequence === "" ? [0] : sequence.split(";").map(Number));
      continue;
    }
    if (/\p{Cc}/u.test(text)) throw new Error(`a line for a picture has a control character: ${JSON.stringify(line)}`);
    const columns = Bun.stringWidth(text);
    spans.push({ text, column, columns, style });
    column += columns;
  }
  return spans;
}

function restyle(style: Style, codes: readonly number[]): Style {
  const rest = [...codes];
  let next = style;
  for (let code = rest.shift(); code !== undefined; code = rest.shift()) {
    if (code === 0) next = {};
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 7) next = { ...next, inverse: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 27) next = { ...next, inverse: false };
    else next = recolour(next, code, rest);
  }
  return next;
}

function recolour(style: Style, code: number, rest: number[]): Style {
  const { foreground: _, ...noForeground } = style, { background: __, ...noBackground } = style;
  if (code === 39) return noForeground;
  if (code === 49) return noBackground;
  const colour = code === 38 || code === 48 ? extended(rest) : SIXTEEN[code >= 90 ? (code % 10) + 8 : code % 10];
  const isBackground = code === 48 || (code >= 40 && code <= 47) || (code >= 100 && code <= 107);
  const isForeground = code === 38 || (code >= 30 && code <= 37) || (code >= 90 && code <= 97);
  if (colour === undefined || !(isBackground || isForeground)) throw new Error(`a picture knows no SGR ${code}`);
  return isBackground ? { ...style, background: colour } : { ...style, foreground: colour };
}

/** `5;n` of 256 colours, or `2;r;g;b`; takes them from what follows. */
function extended(rest: number[]): string | undefined {
  const kind = rest.shift();
  if (kind === 2) return hex(rest.splice(0, 3));
  const [index = 0] = rest.splice(0, 1);
  if (kind !== 5) return undefined;
  if (index < 16) return SIXTEEN[index];
  if (index >= 232) return hex([8 + (index - 232) * 10, 8 + (index - 232) * 10, 8 + (index - 232) * 10]);
  const place = index - 16;
  return hex([CUBE[Math.floor(place / 36)] ?? 0, CUBE[Math.floor(place / 6) % 6] ?? 0, CUBE[place % 6] ?? 0]);
}

const hex = (parts: readonly number[]): string => `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

/** Blocks are drawn as boxes, so that no font leaves gaps between them: the part of a cell from the top, and how much of the ink. */
const BLOCKS: Readonly<Record<string, { readonly from: number; readonly share: number; readonly opacity: number }>> = {
  "█": { from: 0, share: 1, opacity: 1 }, "▀": { from: 0, share: 0.5, opacity: 1 }, "▄": { from: 0.5, share: 0.5, opacity: 1 },
  "▓": { from: 0, share: 1, opacity: 0.75 }, "▒": { from: 0, share: 1, opacity: 0.5 }, "░": { from: 0, share: 1, opacity: 0.35 },
};

function draw({ text, column, columns, style }: Span, top: number): string[] {
  const { inverse = false } = style, x = MARGIN + column * CELL.width;
  const ink = inverse ? (style.background ?? PAPER) : style.foreground, paper = inverse ? (style.foreground ?? INK) : style.background;
  const parts = paper === undefined ? [] : [box({ x, top, cells: columns, height: CELL.height, fill: paper })];
  let at = x;
  for (const [run] of text.matchAll(/([█▀▄▓▒░])\1*|[^█▀▄▓▒░]+/g)) {
    const cells = Bun.stringWidth(run), block = BLOCKS[run[0] ?? ""];
    if (block !== undefined) {
      const height = CELL.height * block.share, fill = ink ?? INK;
      parts.push(box({ x: at, top: top + CELL.height * block.from, cells, height, fill, opacity: block.opacity * (style.dim ? 0.6 : 1) }));
    } else if (run.trim() !== "") parts.push(word(run, { x: at, y: top + BASELINE, ink, style }));
    at += cells * CELL.width;
  }
  return parts;
}

interface Box {
  readonly x: number;
  readonly top: number;
  readonly cells: number;
  readonly height: number;
  readonly fill: string;
  readonly opacity?: number;
}

function box({ x, top, cells, height, fill, opacity = 1 }: Box): string {
  const faint = opacity === 1 ? "" : ` opacity="${round(opacity)}"`;
  return `<rect x="${round(x)}" y="${round(top)}" width="${round(cells * CELL.width)}" height="${round(height)}" fill="${fill}"${faint}/>`;
}

/** With its length given, so that columns stay under each other in every font. */
function word(text: string, { x, y, ink, style }: { x: number; y: number; ink: string | undefined; style: Style }): string {
  const lead = text.length - text.trimStart().length, kept = text.trim(), start = x + lead * CELL.width;
  const look = [ink ? ` fill="${ink}"` : "", style.bold ? ' font-weight="bold"' : "", style.dim ? ' opacity="0.6"' : ""].join("");
  const length = round(Bun.stringWidth(kept) * CELL.width);
  return `<text x="${round(start)}" y="${round(y)}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${look}>${escape(kept)}</text>`;
}

const round = (value: number): number => Number(value.toFixed(2));

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
