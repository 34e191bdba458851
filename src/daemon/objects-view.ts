// The objects as an operator sees them.
import type { ProjectObject } from "./task-spec.ts";

/** A project for `project show --json` and for completion: plain JSON, newest engines and tasks first. */
export interface ProjectView {
  readonly name: string;
  readonly started: boolean;
  readonly paused: boolean;
  /** It stands in the configuration directory; absent where somebody added it by hand. */
  readonly declared?: true;
  readonly keys: Readonly<Record<string, unknown>>;
  readonly engines: readonly EngineView[];
}

export interface EngineView {
  readonly name: string;
  readonly type: string;
  readonly keys: Readonly<Record<string, unknown>>;
  readonly tasks: readonly TaskView[];
}

export interface TaskView {
  readonly id: string;
  readonly name: string;
  readonly target: { readonly type: string; readonly value: string };
  readonly keys: Readonly<Record<string, unknown>>;
}

/** The original's `project show`, byte for byte: blanks at the ends of lines belong to it. */
export function objectTable(projects: readonly ProjectObject[]): string {
  return projects.map(projectTable).join("");
}

/** A project as JSON; keys without a value are left out. */
export function viewOf(project: ProjectObject): ProjectView {
  const engines = newestFirst(project.engines).map((engine) => ({
    name: engine.identity,
    type: engine.type,
    keys: keysOf(engine.values),
    tasks: newestFirst(engine.tasks).map(({ id, name, target, config }) => ({ id, name, target, keys: keysOf(config.task) })),
  }));
  const { name, started, paused } = project, declared = project.declared ? { declared: true as const } : {};
  return { name, started, paused, ...declared, keys: keysOf(project.values), engines };
}

function projectTable(project: ProjectObject): string {
  const lines = [`project: ${project.name}\n`, tableRow("number", "type", "value", "name", "engine", "started")];
  for (const engine of newestFirst(project.engines)) {
    // The number begins at 1 again for each engine.
    for (const [index, task] of newestFirst(engine.tasks).entries()) {
      lines.push(tableRow(String(index + 1), task.target.type, task.target.value, task.name, engine.identity, String(project.started)));
    }
  }
  return lines.join("");
}

const widths = [8, 8, 16, 16, 16, 8];

// printf's "%-8s": padded by bytes, and never cut.
function tableRow(...cells: readonly string[]): string {
  const padded = cells.map((cell, index) => cell + " ".repeat(Math.max(0, (widths[index] ?? 0) - Buffer.byteLength(cell))));
  return `${padded.join(" ")}\n`;
}

function newestFirst<T>(objects: ReadonlyMap<string, T>): T[] {
  return [...objects.values()].reverse();
}

const identityKeys: ReadonlySet<string> = new Set(["project", "engine", "name", "eng_name", "type", "value"]);

function keysOf(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key, value]) => value !== undefined && !identityKeys.has(key)));
}
