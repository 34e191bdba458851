// The metrics of a daemon: what it shows, as families with bounded labels. No pid, no address, no name of a process. Pure.
import {
  REFUSALS, type Account, type AgeBand, type BrakeStatus, type DaemonFigures, type RoundFigures, type ShownProject, type ShownTask, type TaskStatus,
} from "../status.ts";
import { ownProcesses, taskFigures, tasksOf, byText, type Figures } from "./figures.ts";
import type { Distribution, Family, Labels, Sample } from "./openmetrics.ts";

/** So many tasks have metrics; a task is some 50 lines of text. The rest is counted in etmem_tasks_left_out. */
export const MAX_TASKS = 200;

/** Bounds of etmem_task_age_bytes, in seconds, each one where a band begins: the same on every machine, so that a fleet can be summed up. */
export const AGE_BOUNDS = [10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 43_200, 86_400, 604_800] as const;

/** Kinds of reasons for which the brake holds a task are few words; nobody's mistake shall make them many. */
const MAX_REASONS = 16;

/** The first word of a task's state, or `other`. */
const STATES = ["starting", "waiting", "running", "paused", "refused", "failed", "stopped", "other"] as const;

interface SeenTask {
  readonly labels: Labels;
  readonly task: ShownTask;
  readonly status: TaskStatus;
  readonly figures: Figures;
}

/** All families, in a stable order. Tasks beyond the limit, by the order of their names, are left out and counted. */
export function familiesOf(daemon: DaemonFigures, projects: readonly ShownProject[], limit: number = MAX_TASKS): Family[] {
  const sorted = projects.toSorted((one, other) => byText(one.name, other.name));
  const all = sorted.flatMap((project) => tasksOf(project).map(({ engine, task }) => ({ project: project.name, engine, task })));
  const seen = all.slice(0, limit).map(({ project, engine, task }): SeenTask => {
    const figures = taskFigures(task);
    return { labels: { project, engine, task: task.name }, task, status: task.status, figures };
  });
  return [
    ...daemonFamilies(daemon),
    gauge("etmem_project_started", "Whether the project is started.",
      sorted.slice(0, limit).map(({ name, started }) => one({ project: name }, Number(started)))),
    gauge("etmem_tasks_left_out", `Tasks beyond the first ${limit}, which have no metrics.`, [one({}, Math.max(0, all.length - limit))]),
    ...nowFamilies(seen), ...sumFamilies(seen), ...brakeFamilies(seen), ages(seen), netSaved(seen),
  ];
}

const one = (labels: Labels, value: number): Sample => ({ labels, value });

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, kind: "gauge", help, samples, ...unitOf(name) };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, kind: "counter", help, samples, ...unitOf(name) };
}

function unitOf(name: string): { readonly unit?: "bytes" | "seconds" } {
  if (name.endsWith("_bytes")) return { unit: "bytes" };
  return name.endsWith("_seconds") ? { unit: "seconds" } : {};
}

/** Not process_…: node_exporter has these itself, and refuses a file that has them too. */
function daemonFamilies({ version, startedAt, cpuUserMs, cpuSystemMs, residentBytes, rounds, reload }: DaemonFigures): Family[] {
  return [
    { name: "etmem_build", kind: "info", help: "The version of the daemon.", samples: [one({ version }, 1)] },
    gauge("etmem_daemon_start_time_seconds", "When the daemon started, in seconds since 1970.", [one({}, Date.parse(startedAt) / 1000)]),
    counter("etmem_daemon_cpu_seconds", "CPU time of the daemon, that of its rounds included.", [
      one({ mode: "system" }, cpuSystemMs / 1000), one({ mode: "user" }, cpuUserMs / 1000),
    ]),
    gauge("etmem_daemon_resident_memory_bytes", "Resident memory of the daemon.", [one({}, residentBytes)]),
    ...(reload === undefined ? [] : reloadFamilies(reload)), ...(rounds === undefined ? [] : roundFamilies(rounds)),
  ];
}

function reloadFamilies({ successful, lastSuccessAt }: NonNullable<DaemonFigures["reload"]>): Family[] {
  const at = lastSuccessAt === undefined ? [] : [one({}, Date.parse(lastSuccessAt) / 1000)];
  return [
    gauge("etmem_config_last_reload_successful", "Whether the configuration directory was taken at the last look.", [one({}, Number(successful))]),
    gauge("etmem_config_last_reload_success_timestamp_seconds", "When the configuration directory was last taken, in seconds since 1970.", at),
  ];
}

/** Outcomes of rounds that saw nothing, or came to nothing by a fault. */
const SCAN_ERRORS = ["blind", "failed"] as const;

function roundFamilies({ buckets, done, seconds, outcomes }: RoundFigures): Family[] {
  const upTo = [...buckets.map(({ upToSeconds, rounds }) => ({ upTo: upToSeconds, count: rounds })), { upTo: Infinity, count: done }];
  return [
    {
      name: "etmem_scan_duration_seconds", kind: "histogram", unit: "seconds", help: "How long rounds took that were done, their windows included.",
      samples: [{ labels: {}, buckets: upTo, sum: seconds }],
    },
    counter("etmem_scan_errors", "Rounds that could not see their process, or failed.",
      SCAN_ERRORS.map((reason) => one({ reason }, outcomes[reason] ?? 0))),
  ];
}

/** One sample for each task. */
const perTask = (seen: readonly SeenTask[], pick: (figures: Figures) => number | null): Sample[] =>
  seen.flatMap(({ labels, figures }) => {
    const value = pick(figures);
    return value === null ? [] : [one(labels, value)];
  });

/** One sample for each task and word. */
function perWord<Word extends string>(
  seen: readonly SeenTask[], words: { readonly label: string; readonly words: readonly Word[] }, pick: (task: SeenTask, word: Word) => number,
): Sample[] {
  return seen.flatMap((task) => words.words.map((word) => one({ ...task.labels, [words.label]: word }, pick(task, word))));
}

function nowFamilies(seen: readonly SeenTask[]): Family[] {
  return [
    gauge("etmem_task_state", "1 for the state that the task is in.", perWord(seen, { label: "state", words: STATES },
      ({ status }, word) => Number(stateWord(status) === word))),
    gauge("etmem_task_processes", "Processes of the task.", perTask(seen, ({ processCount }) => processCount)),
    gauge("etmem_task_resident_bytes", "Resident memory of the task's processes at their last round.", perTask(seen, (sums) => sums.residentBytes)),
    gauge("etmem_task_swapped_bytes", "Swapped memory of the task's processes, whoever swapped it.", perTask(seen, (sums) => sums.swappedBytes)),
    gauge("etmem_task_hot_bytes", "Memory that was accessed in the last round.", perTask(seen, (sums) => sums.hotBytes)),
    gauge("etmem_task_cold_bytes", "Memory that the last round found cold.", perTask(seen, (sums) => sums.coldBytes)),
    gauge("etmem_task_out_bytes", "Memory that etmem moved and that is still out.", perTask(seen, (sums) => sums.outNowBytes)),
    gauge("etmem_task_immovable_bytes", "Resident memory that cannot be moved, by reason.", seen.flatMap(({ labels, figures: { immovableBytes } }) =>
      REFUSALS.flatMap((reason) => (immovableBytes?.[reason] === undefined ? [] : [one({ ...labels, reason }, immovableBytes[reason])])))),
    gauge("etmem_task_net_saved_bytes", "What is out, less what keeping it there takes; an estimate.", perTask(seen, (sums) => sums.netFreedBytes)),
  ];
}

function stateWord({ state }: TaskStatus): (typeof STATES)[number] {
  const word = /^[a-z]+/.exec(state)?.[0];
  return STATES.find((known) => known === word) ?? "other";
}

/** Where memory goes: out to swap, or to a slower or faster node. An engine uses one kind of them. */
const TIERS = [
  { tier: "swap", moved: ({ outBytes }: Account) => outBytes }, { tier: "slow", moved: ({ toSlowBytes }: Account) => toSlowBytes },
  { tier: "fast", moved: ({ toFastBytes }: Account) => toFastBytes },
] as const;

function sumFamilies(seen: readonly SeenTask[]): Family[] {
  const total = (pick: (total: Figures["total"]) => number): Sample[] => perTask(seen, (figures) => pick(figures.total));
  return [
    counter("etmem_task_rounds", "Rounds over the task's processes.", total(({ rounds }) => rounds)),
    counter("etmem_task_asked_bytes", "Memory that the kernel was asked to move.", total(({ askedBytes }) => askedBytes)),
    counter("etmem_task_advised_bytes", "Memory for which the kernel accepted to be asked.", total(({ acceptedBytes }) => acceptedBytes)),
    counter("etmem_task_moved_bytes", "Memory that was somewhere else before the call and there after it.",
      seen.flatMap(({ labels, figures }) => TIERS.map(({ tier, moved }) => one({ ...labels, tier }, moved(figures.total))))),
    counter("etmem_task_dropped_bytes", "Memory of files that was dropped instead.", total(({ droppedBytes }) => droppedBytes)),
    counter("etmem_task_stayed_bytes", "Memory that stayed although the kernel was asked, by reason.",
      perWord(seen, { label: "reason", words: REFUSALS }, ({ figures }, word) => figures.total.refusedBytes[word])),
    counter("etmem_task_refault_bytes", "Memory that etmem moved and that came back.", total(({ cameBackBytes }) => cameBackBytes)),
    counter("etmem_task_cpu_seconds", "CPU time of the rounds over the task's processes.",
      perWord(seen, { label: "mode", words: ["system", "user"] }, ({ figures: { total: sums } }, mode) =>
        (mode === "system" ? sums.cpuSystemMs : sums.cpuUserMs) / 1000)),
  ];
}

const BRAKES = ["free", "careful", "stopped"] as const satisfies readonly BrakeStatus["state"][];

/** Daemons without a brake say nothing of one. */
function brakeFamilies(seen: readonly SeenTask[]): Family[] {
  const braked = seen.filter(({ task }) => ownProcesses(task).some(({ brake }) => brake !== undefined));
  const held = seen.flatMap(({ labels, status }) => Object.entries(status.brakeSeconds ?? {}).slice(0, MAX_REASONS)
    .map(([reason, seconds]) => one({ ...labels, reason }, seconds)));
  return [
    gauge("etmem_task_brake_processes", "Processes of the task by what the brake allows.", perWord(braked, { label: "state", words: BRAKES },
      ({ task }, state) => ownProcesses(task).filter(({ brake }) => brake?.state === state).length)),
    counter("etmem_task_brake_seconds", "Time for which the brake held processes of the task, by reason.", held),
  ];
}

/** A distribution over bytes by age; `le` is in seconds, the counts are bytes. */
function ages(seen: readonly SeenTask[]): Family {
  const samples = seen.flatMap(({ labels, task }): Distribution[] => {
    const known = ownProcesses(task).flatMap(({ ages: bands }) => (bands === undefined ? [] : [bands]));
    return known.length === 0 ? [] : [{ labels, ...distributionOf(known) }];
  });
  const help = "Resident memory in bytes by the seconds, le, since it was last accessed; the sum takes each byte to be as young as it can be.";
  return { name: "etmem_task_age_bytes", kind: "gaugehistogram", unit: "bytes", help, samples };
}

/** A band counts below a bound only where all of it lies there; bands above the oldest memory are not listed, so that the last one ends too. */
export function distributionOf(processes: readonly (readonly AgeBand[])[]): Omit<Distribution, "labels"> {
  const bands = processes.flatMap((own) => own.map((band, at) => ({ ...band, toSeconds: own[at + 1]?.fromSeconds ?? endOf(band) })));
  const upTo = (bound: number): number => bands.reduce((sum, { toSeconds, bytes }) => sum + (toSeconds <= bound ? bytes : 0), 0);
  return {
    buckets: [...AGE_BOUNDS, Infinity].map((bound) => ({ upTo: bound, count: upTo(bound) })),
    sum: bands.reduce((sum, { fromSeconds, bytes }) => sum + fromSeconds * bytes, 0),
  };
}

const endOf = ({ fromSeconds }: AgeBand): number => AGE_BOUNDS.find((bound) => bound > fromSeconds) ?? Infinity;

/** Of the whole machine, for a dashboard's first number. Absent while nobody knows it. */
function netSaved(seen: readonly SeenTask[]): Family {
  const known = seen.flatMap(({ figures }) => figures.netFreedBytes ?? []);
  const samples = known.length === 0 ? [] : [one({}, known.reduce((sum, bytes) => sum + bytes, 0))];
  return gauge("etmem_net_saved_bytes", "What all tasks save: memory that is out, less what keeping it there takes; an estimate.", samples);
}
