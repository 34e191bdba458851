import { describe, expect, test } from "bun:test";
import { ageBar, shares } from "../../src/commands/top/age-bar.ts";
import { drawTop, lastFirst } from "../../src/commands/top/draw.ts";
import { actionsOf } from "../../src/commands/top/keys.ts";
import { layOut } from "../../src/commands/top/layout.ts";
import { BackRates, viewOf, type TopView } from "../../src/commands/top/view.ts";
import type { ShownProject } from "../../src/status.ts";
import { GIB, MIB } from "../../src/units.ts";
import { account, shownProcess, shownProjects, shownTask } from "../fixtures/shown.ts";

const machine = { memTotalBytes: 24 * GIB, memAvailableBytes: 20 * GIB, swapTotalBytes: 8 * GIB, swapFreeBytes: 6 * GIB, zramBytes: GIB / 2 };
const at = new Date(2026, 10, 23, 12, 0, 5);
const view = viewOf({ projects: shownProjects(), machine, at }, new BackRates());
const plain = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\x1b\[[\d;]*m/g, ""));

/** Many processes with names of every kind. */
function crowd(count: number): TopView {
  const names = ["postgres", "漢字漢字漢字漢字漢字", "x".repeat(30), "e\u0301e\u0301", "a\x1b[2Jb", "🦀", ""];
  const processes = Array.from({ length: count }, (_, index) => shownProcess({
    pid: 4_000_000 + index, comm: names[index % names.length] ?? "", residentBytes: (count - index) * MIB, reason: "because ".repeat(index % 9),
  }));
  const projects: ShownProject[] = [
    { name: "漢".repeat(40), started: true, engines: [{ name: "slide", type: "slide", tasks: [shownTask("t", processes), shownTask("none", [])] }] },
  ];
  return viewOf({ projects, machine, at }, new BackRates());
}

describe("a screen", () => {
  test("shows the machine, the totals, each process with its bar, and tasks that have none", () => {
    expect(`\n${drawTop(view, { width: 100, height: 24, colour: false }).join("\n")}\n`).toMatchInlineSnapshot(`
"
etmem 12:00:05  2 processes, 4 tasks, 3 projects  1 stopped by the brake
Memory 20G available of 24G  Swap 2G of 8G, zram takes 512M
Resident 1.59G  out 1.82G  freed ~1.17G  back 0/s  CPU 0.90s
    PID NAME             RES AGE              OUT BACK/S BRAKE   TASK               STATE
   4242 postgres          1G #++--ooooooooo 1.82G      0 free    shop/slide/db      waiting
   4243 java            600M ==============     0      0 stopped shop/slide/db      1.2 % of what w…
shop/slide/cache: waiting for a process of name memcached
od"d\\?/slide/all: refused: T must be at most loop * 3
archive/cslide/vm: stopped
# <10s  * <1m  + <10m  - <1h  . older  o out
"
`);
  });

  test("of 20 columns has the names and what is in memory and out", () => {
    const lines = ["NAME       RES   OUT", "postgres    1G 1.82G", "java      600M     0", "… 3 more"];
    expect(drawTop(view, { width: 20, height: 4, colour: false })).toEqual(lines);
  });

  const widths = [1, 2, 10, 20, 21, 39, 40, 64, 79, 80, 81, 100, 132, 200, 400], heights = [0, 1, 2, 3, 5, 8, 9, 24, 60];
  const sizes = widths.flatMap((width) => heights.map((height): [number, number] => [width, height]));
  test.each(sizes)("of %i columns and %i lines holds what is drawn", (width, height) => {
    for (const shown of [view, crowd(40), crowd(0)]) {
      for (const colour of [false, true]) {
        const lines = drawTop(shown, { width, height, colour });
        expect(lines.length).toBeLessThanOrEqual(height);
        expect(Math.max(0, ...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(width);
        // Colours are begun and ended within a line, and nothing else controls the terminal.
        for (const line of lines) expect(line.replace(/\x1b\[[\d;]+m[^\x1b]*\x1b\[0m/g, "")).not.toMatch(/\p{Cc}/u);
      }
    }
  });

  test.each([20, 40, 80, 120, 160])("of %i columns keeps its columns in place, whatever the names are", (width) => {
    const lines = plain(drawTop(crowd(20), { width, height: 30, colour: true }));
    const rows = lines.filter((line) => /\d+M /.test(line) && !line.startsWith("Res"));
    expect(rows.length).toBe(20);
    const placeOfResident = (row: string): number => Bun.stringWidth(/^.*?\d+M /.exec(row)?.[0] ?? "");
    expect(new Set(rows.map(placeOfResident)).size).toBe(1);
  });

  test("without colours has no control sequence at all", () => {
    expect(drawTop(crowd(9), { width: 120, height: 30, colour: false }).join("")).not.toContain("\x1b");
  });

  test("says how many processes do not fit, and can be moved to them", () => {
    const many = crowd(40), screen = { width: 80, height: 24, colour: false };
    const first = drawTop(many, screen);
    expect(first.at(-2)).toBe("… 23 more");
    expect(first.filter((line) => /^ *4\d{6} /.test(line))).toHaveLength(18);
    const last = drawTop(many, screen, lastFirst(many, screen));
    expect(last.join("\n")).toContain("4000039");
    expect(last.join("\n")).not.toContain("more");
    expect(drawTop(many, screen, 1_000_000)).toEqual(last);
    expect(drawTop(many, { ...screen, height: Infinity }).filter((line) => /^ *4\d{6} /.test(line))).toHaveLength(40);
  });
});

describe("the columns", () => {
  test.each(Array.from({ length: 200 }, (_, width) => width))("take at most %i cells", (width) => {
    const columns = layOut(width);
    expect(columns.reduce((sum, { columns: cells }) => sum + cells + 1, -1)).toBeLessThanOrEqual(Math.max(width, -1));
  });

  test("the more room the more columns", () => {
    const names = (width: number): string[] => layOut(width).map(({ name }) => name);
    expect([names(20), names(30), names(80), names(120)]).toEqual([
      ["name", "resident", "out"], ["name", "resident", "out", "brake"],
      ["pid", "name", "resident", "bar", "out", "back", "brake", "says"], ["pid", "name", "resident", "bar", "out", "back", "brake", "task", "says"],
    ]);
  });
});

describe("the bar", () => {
  const bar = (parts: Parameters<typeof ageBar>[0], columns: number): string => ageBar(parts, columns, false).map(({ text }) => text).join("");
  const ages = [{ fromSeconds: 0, bytes: 25 }, { fromSeconds: 10, bytes: 25 }, { fromSeconds: 60, bytes: 10 }, { fromSeconds: 86_400, bytes: 40 }];

  test.each([
    ["shares its cells among the ages", { residentBytes: 100, outBytes: 0, ages }, "##**+...."],
    ["and what is out", { residentBytes: 100, outBytes: 100, ages }, "#*..ooooo"],
    ["has one kind where no ages are known", { residentBytes: 100, outBytes: 50 }, "======ooo"],
    ["is empty for nothing", { residentBytes: 0, outBytes: 0 }, "         "],
  ])("%s", (_, parts, text) => expect(bar(parts, 9)).toBe(text));

  test.each([0, 1, 2, 7, 40])("of %i cells is as wide as that", (columns) => {
    expect(bar({ residentBytes: 100, outBytes: 33, ages }, columns)).toHaveLength(columns);
    expect(shares([1, 2, 3, 1e15], columns).reduce((sum, cells) => sum + cells, 0)).toBe(columns);
  });
});

describe("what comes back", () => {
  const looks = (counts: readonly (readonly [number, number])[]): number[] => {
    const rates = new BackRates();
    return counts.map(([seconds, bytes]) => rates.next("p", { atMs: seconds * 1000, bytes }));
  };

  test.each([
    ["nothing is known at the first look", [[0, 500]], [0]],
    ["a rate is over the time that was seen", [[0, 0], [2, 100], [4, 100]], [0, 50, 25]],
    ["no longer than half a minute", [[0, 0], [10, 1000], [29, 1000], [41, 1000]], [0, 100, 1000 / 29, 0]],
    ["a count that falls is another process", [[0, 900], [2, 100], [4, 300]], [0, 0, 100]],
  ] as [string, [number, number][], number[]][])("%s", (_, counts, rates) => expect(looks(counts)).toEqual(rates));

  test("is told of each process and of all, and forgotten with the process", () => {
    const rates = new BackRates();
    const shown = (bytes: number): ShownProject[] => {
      const processes = [1, 2].map((pid) => shownProcess({ pid, total: account({ cameBackBytes: bytes * pid }) }));
      return [{ name: "p", started: true, engines: [{ name: "slide", type: "slide", tasks: [shownTask("t", processes)] }] }];
    };
    const look = (projects: ShownProject[], seconds: number): TopView => viewOf({ projects, machine, at: new Date(seconds * 1000) }, rates);
    look(shown(0), 0);
    const next = look(shown(200), 2);
    expect([next.rows.map(({ backBytesPerSecond }) => backBytesPerSecond), next.backBytesPerSecond]).toEqual([[100, 200], 300]);
    look([], 4);
    expect(look(shown(800), 6).backBytesPerSecond).toBe(0);
  });
});

test.each<[string, ReturnType<typeof actionsOf>]>([
  ["q", ["quit"]], ["\x03", ["quit"]], ["\x1a", ["suspend"]], ["\x1b[B\x1b[B", [{ scroll: 1 }, { scroll: 1 }]],
  ["jkG", [{ scroll: 1 }, { scroll: -1 }, { scrollTo: "last" }]],
  ["\x1b[5~", [{ scroll: -10 }]], ["\x1bOA", [{ scroll: -1 }]], ["\x1b", []], ["\x1b[200~xyz\x1b[99;5u", []], ["", []], ["é漢", []],
])("the keys %j mean %j", (typed, actions) => expect(actionsOf(typed)).toEqual(actions));
