// The verdict of `npm test`: types, then every test file, then one last line `N passed, N failed[, N skipped]`.
// `bun tools/test.ts [--fast] [--no-types] [--root FOLDER] [WORD…]`: --fast leaves out the files that need the machine
// to themselves; words choose the test files whose path holds one of them.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseReport, type Skipped } from "./junit.ts";

const project = join(import.meta.dir, "..");

/** Test files that use the whole machine (its swap, its memory, its sockets) run alone, one after another. */
const ALONE = ["kernel/", "e2e/"];
/** Of these, what boots virtual machines: they have swap and a clock of their own, and half of the time wait. All of kernel/ but for these. */
const MACHINES = "kernel/", NO_MACHINES = ["kernel/tracking.", "kernel/guest."];
/** Of the machines the last: it compares two looks at memory that are a moment apart, and what runs beside it has mostly ended then. */
const LAST_MACHINE = "kernel/cslide.";
/** And what may run beside them: it neither measures time nor moves memory. */
const BESIDE_MACHINES = [
  "client", "completion", "contrib", "deb", "package", "plugin", "protocol", "reload", "rows-config", "state", "stats", "top",
].map((name) => `e2e/${name}.`);

/** How long one run may take before it is ended, in milliseconds. */
const RUN_LIMIT_MS = process.env["ETMEM_LONG"] === undefined ? 600_000 : 7_200_000;
/** How long one test may take, in milliseconds. */
const TEST_LIMIT_MS = 60_000;

/** What a run, or all of them together, came to. `trouble` is what no test reported: each counts as a failure. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: Skipped[];
  trouble: string[];
}

/** Each run is some files in one process. Runs of the two lanes are at the same time, those of one lane one after another. */
export interface Order {
  readonly lanes: readonly [machines: string[][], others: string[][]];
  readonly alone: string[][];
}

/** What may run side by side in one process, and beside the machines; then what of it measures time, and each of the others alone. */
export function orderFiles(files: readonly string[], isTimed: (file: string) => boolean): Order {
  const [together = [], timed = []] = [false, true].map((wanted) => files.filter((file) => !runsAlone(file) && isTimed(file) === wanted));
  const rest = ALONE.flatMap((folder) => files.filter((file) => file.startsWith(folder)));
  const machines = rest.filter((file) => startsWith(file, [MACHINES]) && !startsWith(file, NO_MACHINES))
    .sort((a, b) => Number(a.startsWith(LAST_MACHINE)) - Number(b.startsWith(LAST_MACHINE)));
  const beside = rest.filter((file) => startsWith(file, BESIDE_MACHINES));
  const alone = rest.filter((file) => !machines.includes(file) && !beside.includes(file));
  const each = (names: readonly string[]) => names.map((file) => [file]);
  const inOne = (names: string[]) => (names.length > 0 ? [names] : []);
  return { lanes: [each(machines), [...inOne(together), ...each(beside)]], alone: [...inOne(timed), ...each(alone)] };
}

function startsWith(file: string, starts: readonly string[]): boolean {
  return starts.some((start) => file.startsWith(start));
}

function runsAlone(file: string): boolean {
  return startsWith(file, ALONE);
}

/** The verdict on one run from its report, its exit status, and the files it should have run. */
export function judge(run: { files: readonly string[]; status: number | string; xml: string | undefined }): Tally {
  const report = run.xml === undefined ? undefined : parseReport(run.xml);
  if (report === undefined) {
    return { passed: 0, failed: 1, skipped: [], trouble: [`${run.files.join(" ")}: no report, exit ${run.status}`] };
  }
  // A file that does not load, or holds no test, is simply not in the report.
  const trouble = run.files.filter((file) => !report.files.has(file)).map((file) => `${file}: did not load, or has no tests`);
  if (trouble.length === 0 && report.failures === 0 && run.status !== 0) {
    trouble.push(`${run.files.join(" ")}: exit ${run.status} with no failed test`);
  }
  return {
    passed: report.tests - report.failures - report.skipped.length,
    failed: report.failures + trouble.length,
    skipped: [...report.skipped],
    trouble,
  };
}

/** All runs as one. Nothing run at all is a failure. */
export function total(tallies: readonly Tally[]): Tally {
  const sum: Tally = { passed: 0, failed: 0, skipped: [], trouble: [] };
  for (const tally of tallies) {
    sum.passed += tally.passed;
    sum.failed += tally.failed;
    sum.skipped.push(...tally.skipped);
    sum.trouble.push(...tally.trouble);
  }
  if (sum.passed + sum.failed === 0) {
    sum.failed = 1;
    sum.trouble.push("no test ran");
  }
  return sum;
}

/** What is printed at the end; the last line is the verdict. */
export function summary(tally: Tally): string {
  const lines = [
    ...tally.skipped.map(({ file, title, reason }) => `skipped: ${file}: ${title}: ${reason}`),
    ...tally.trouble.map((what) => `failed: ${what}`),
    `${tally.passed} passed, ${tally.failed} failed${tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : ""}`,
  ];
  return `\n${lines.join("\n")}`;
}

async function runFiles(root: string, names: readonly string[]): Promise<Tally> {
  // Bun's report names files inside the project relative to it, others in full.
  const files = names.map((name) => join(root, name)).map((path) => (path.startsWith(`${project}/`) ? relative(project, path) : path));
  const folder = mkdtempSync(join(tmpdir(), "etmem-test-"));
  const outFile = join(folder, "report.xml");
  try {
    const status = await exitOf({
      command: [
        process.execPath, "test", `--timeout=${TEST_LIMIT_MS}`, "--reporter=junit", `--reporter-outfile=${outFile}`,
        ...files.map((file) => (isAbsolute(file) ? file : `./${file}`)),
      ],
      // CI=1: a forgotten test.only fails instead of hiding all others.
      env: { ...process.env, CI: "1" },
    });
    return judge({ files, status, xml: textOf(outFile) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkTypes(): Promise<Tally> {
  const status = await exitOf({ command: [join(project, "node_modules/.bin/tsc"), "--noEmit"], env: process.env });
  return { passed: 0, failed: status === 0 ? 0 : 1, skipped: [], trouble: status === 0 ? [] : [`types: tsc exit ${status}`] };
}

async function exitOf(program: { command: string[]; env: NodeJS.ProcessEnv }): Promise<number | string> {
  const child = Bun.spawn(program.command, { cwd: project, env: program.env, stdio: ["ignore", "pipe", "pipe"] });
  const limit = setTimeout(() => child.kill("SIGKILL"), RUN_LIMIT_MS);
  // What runs at the same time is shown one after the other.
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(limit);
  console.log(stdout);
  console.error(stderr);
  return child.exitCode ?? child.signalCode ?? "unknown";
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

async function main(args: string[]): Promise<number> {
  const { values, positionals: words } = parseArgs({
    args, allowPositionals: true, options: { fast: { type: "boolean" }, "no-types": { type: "boolean" }, root: { type: "string" } },
  });
  const root = resolve(values.root ?? join(project, "test"));
  const files = [...new Bun.Glob("**/*.test.ts").scanSync({ cwd: root })].sort();
  const chosen = files.filter((file) => (words.length === 0 || words.some((word) => file.includes(word))) && !(values.fast && runsAlone(file)));
  const tallies = values["no-types"] === true ? [] : [await checkTypes()];
  const isTimed = (file: string) => readFileSync(join(root, file), "utf8").includes("performance.now");
  const { lanes, alone } = orderFiles(chosen, isTimed);
  const runAll = async (runs: readonly string[][]) => {
    for (const names of runs) tallies.push(await runFiles(root, names));
  };
  await Promise.all(lanes.map(runAll));
  await runAll(alone);
  const tally = total(tallies);
  console.log(summary(tally));
  return tally.failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
