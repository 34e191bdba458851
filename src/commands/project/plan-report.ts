// A plan as text for people, within 80 columns. Pure.
import type { Outcome, TaskPlan } from "../../plan.ts";
import { formatBytes, PAGE_BYTES } from "../../units.ts";

const BAR_WIDTH = 40;

export function planText(plan: TaskPlan): string {
  const { task, engine, refusal, tracker, seconds, interval, windows, processes, residentBytes } = plan;
  if (refusal !== null) return `task ${task} of ${engine}: ${refusal}\n`;
  const seen = processes.filter(({ reason }) => reason === null || reason.startsWith("not now: "));
  const head = `task ${task} of ${engine}: ${seen.length} of ${processes.length} process${processes.length === 1 ? "" : "es"}, `
    + `${formatBytes(residentBytes)} resident, looked at for ${seconds} s by ${tracker}\n`;
  const reasons = processes.flatMap(({ pid, comm, reason }) => (reason === null ? [] : [`  pid ${pid} ${comm}: ${reason}\n`])).join("");
  if (residentBytes === 0) return `${head}${reasons}`;
  const configured = `as configured it would move ${formatBytes(plan.configuredBytes)} (${share(plan.configuredBytes, residentBytes)})\n`;
  return [
    head, reasons,
    "\n  last accessed      resident\n",
    ...plan.ages.map(({ fromSeconds, bytes }, band) => ageRow(bytes, { fromSeconds, to: plan.ages[band + 1], residentBytes })),
    "\n  moved when         would be out              came back a minute\n",
    ...plan.byAge.map((row) => outcomeRow(`idle for ${duration(row.seconds)}`, row, residentBytes)),
    ...plan.byCount.map((row) => outcomeRow(`T=${row.T} of ${windows} x ${interval} s`, row, residentBytes)),
    `\n${configured}`,
  ].join("");
}

function ageRow(bytes: number, of: { fromSeconds: number; to: { fromSeconds: number } | undefined; residentBytes: number }): string {
  const from = duration(of.fromSeconds), name = of.to ? `${from} - ${duration(of.to.fromSeconds)} ago` : `${from} ago or more`;
  const bar = "#".repeat(Math.round((bytes / of.residentBytes) * BAR_WIDTH));
  return `  ${name.padEnd(18)} ${formatBytes(bytes).padStart(9)}  ${bar}`.trimEnd().concat("\n");
}

function outcomeRow(name: string, { bytes, refaultsPerMinute }: Outcome, residentBytes: number): string {
  const back = refaultsPerMinute * PAGE_BYTES;
  return `  ${name.padEnd(18)} ${formatBytes(bytes).padStart(9)} ${share(bytes, residentBytes).padStart(8)}   `
    + `${formatBytes(Math.round(back)).padStart(9)} ${bytes === 0 ? "" : share(back, bytes).padStart(8)}`.trimEnd() + "\n";
}

function share(part: number, whole: number): string {
  const percent = (part / whole) * 100;
  return `${percent >= 10 ? percent.toFixed(0) : percent.toFixed(percent >= 1 ? 1 : 2)} %`;
}

/** Ages are of bands, so that round figures are all there is. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${seconds / 60} min`;
  return seconds < 86_400 ? `${seconds / 3600} h` : `${seconds / 86_400} d`;
}
