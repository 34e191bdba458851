// The ladder at the real daemon, by kernel: which rung it takes, how it refuses those that are named and cannot work, and that none takes memory
// from a process that rewrites all of it. A row is one boot. By privilege and by files: test/e2e/ladder.test.ts.
import { afterEach, expect, setDefaultTimeout } from "bun:test";
import type { TaskStatus } from "../../src/status.ts";
import { executable, Lab } from "../e2e/harness.ts";
import { buildRewriter, missingRewriter } from "../e2e/rewriter.ts";
import { slideText } from "../e2e/slide-lab.ts";
import { needs, notLong } from "../needs.ts";
import type { Series } from "./vm/kernel.ts";
import { inMachine, missingMachine, type Machine } from "./vm/machine.ts";

setDefaultTimeout(300_000);
const lab = new Lab();
afterEach(() => lab.close());

interface Row {
  readonly append?: string;
  /** What is taken where nothing is named; null where nothing works. */
  readonly takes: string | null;
  /** What can be named, and what cannot: with its reason. */
  readonly works: readonly string[];
  readonly refuses: Readonly<Record<string, RegExp>>;
  /** In place of a tracker's reason where it is the mover that is missing. */
  readonly noMover?: RegExp;
}

const NO_MODULE = { idle_pages: /no idle_pages/ }, NO_IDLE = { page_idle: /CONFIG_IDLE_PAGE_TRACKING/ };
const NO_TYPES = { page_walk: /BTF/, kcore: /BTF|kcore/ };
const rows: readonly (readonly [kernel: Series, row: Row])[] = [
  ["6.12", { takes: "page_walk", works: ["page_walk", "referenced", "kcore", "damon"], refuses: { ...NO_MODULE, ...NO_IDLE } }],
  ["6.1", { takes: "page_walk", works: ["page_walk", "referenced", "kcore"], refuses: { ...NO_MODULE, ...NO_IDLE, damon: /CONFIG_DAMON/ } }],
  ["5.10", { takes: "page_walk", works: ["page_walk", "referenced", "kcore"], refuses: { ...NO_MODULE, ...NO_IDLE, damon: /CONFIG_DAMON/ } }],
  ["6.12", {
    append: "lockdown=confidentiality", takes: "referenced", works: ["referenced", "damon"],
    refuses: { page_walk: /lockdown/, kcore: /./, ...NO_IDLE },
  }],
  ["6.12-page_idle", { takes: "page_idle", works: ["page_idle", "referenced", "damon"], refuses: { ...NO_MODULE, ...NO_TYPES } }],
  ["6.12-coarse", { takes: "referenced", works: ["referenced", "damon"], refuses: { ...NO_MODULE, ...NO_TYPES, ...NO_IDLE } }],
  ["6.12-blind", { takes: null, works: [], refuses: {}, noMover: /^failed: no mover works here: .+CONFIG_PROC_PAGE_MONITOR/ }],
  ["6.12-no_advice", { takes: null, works: [], refuses: {}, noMover: /^failed: no mover works here: .+CONFIG_ADVISE_SYSCALLS/ }],
];

for (const [kernel, { append = "", takes, works, refuses, noMover }] of rows) {
  const missing = notLong() ?? missingRewriter() ?? (await missingMachine(kernel)), named = [...works, ...Object.keys(refuses)];
  const boot = append === "" ? kernel : `${kernel} with ${append}`;
  needs(missing)(`${boot} takes ${takes ?? "nothing"}, and what rewrites all of its memory keeps it, whatever looks`, async () => {
    const answers = await ask({ kernel, append }, ["best", ...named]);
    const { best } = answers;
    expect({ tracker: best?.status.tracker, lost: best?.lost }).toEqual({ tracker: takes, lost: "next to nothing" });
    if (noMover) expect(best?.status.state).toMatch(noMover);
    for (const name of works) {
      expect({ name, tracker: answers[name]?.status.tracker, lost: answers[name]?.lost }).toEqual({ name, tracker: name, lost: "next to nothing" });
      expect(answers[name]?.status.processes[0]).toMatchObject({ lastRound: { outcome: "done" } });
    }
    for (const [name, reason] of Object.entries(refuses)) {
      const { status, lost } = answers[name]!;
      expect({ name, tracker: status.tracker, lost }).toEqual({ name, tracker: null, lost: "next to nothing" });
      expect(status.state).toMatch(new RegExp(`^refused: tracker=${name} cannot be used here: .*${reason.source}`));
    }
  });
}

interface Answer {
  readonly status: TaskStatus;
  /** Of the 16,384 pages of the target, by its major faults. */
  readonly lost: string;
}

async function ask(machine: Partial<Machine>, names: readonly string[]): Promise<Readonly<Record<string, Answer>>> {
  executable();
  const programs = { "/usr/bin/rewriter": buildRewriter(lab.folder()) };
  const { stdout, stderr } = await inMachine({ ...machine, programs, timeoutMs: 280_000 }, ["sh", "-c", script(names)]);
  const lines = stdout.toString().split("\n").flatMap((line) => {
    const [, name = "", faults = "", shown] = /^(\w+) (\d+) (\{.*)$/.exec(line) ?? [];
    if (shown === undefined) return [];
    const { projects } = JSON.parse(shown) as { projects: readonly { engines: readonly { tasks: readonly { status: TaskStatus }[] }[] }[] };
    const status = projects[0]!.engines[0]!.tasks[0]!.status;
    return [[name, { status, lost: Number(faults) <= 16 ? "next to nothing" : `${faults} pages` }] as const];
  });
  if (lines.length !== names.length) throw new Error(`${lines.length} of ${names.length} answers\n${stderr}${stdout.toString().slice(-2000)}`);
  return Object.fromEntries(lines);
}

/** For each name a line: the name, major faults of a fresh target after two rounds, and what `project show` says then. */
const script = (names: readonly string[]): string => `
for name in ${names.join(" ")}; do
  rewriter 64 >/tmp/target & pid=$!
  until [ -s /tmp/target ]; do usleep 100000; done
  line=; [ $name = best ] || line=tracker=$name
  cat >/tmp/slide.conf <<CONF
${slideText([{ target: "rewriter" }]).replace("[project]\n", "[project]\n$line\n")}
CONF
  chmod 600 /tmp/slide.conf
  etmem daemon -s $name 2>/tmp/log & daemon=$!
  until etmem project show -s $name >/dev/null 2>&1; do usleep 100000; done
  etmem obj add -s $name -f /tmp/slide.conf && etmem project start -s $name -n test || exit
  echo >/tmp/shown; end=$(($(cut -d. -f1 /proc/uptime) + 40))
  until grep -qE '"rounds": ?([2-9]|[1-9][0-9])|"(refused|failed): ' /tmp/shown || [ $(cut -d. -f1 /proc/uptime) -ge $end ]
  do usleep 500000; etmem project show -s $name -n test --json >/tmp/shown; done
  echo $name $(cut -d' ' -f12 /proc/$pid/stat) $(tr -d '\\n' </tmp/shown)
  kill $daemon; wait $daemon
  kill -9 $pid; wait $pid 2>/dev/null
  rm /tmp/target /tmp/shown
done
true
`;
