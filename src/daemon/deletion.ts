// Why objects that a file names cannot be deleted. Pure.
import { refusalTexts } from "../config/check-run.ts";
import type { Identity } from "../config/identify.ts";
import type { Finding } from "../config/raw.ts";
import { type ProjectObject, idOf } from "./task-spec.ts";

type Projects = ReadonlyMap<string, ProjectObject>;

interface Absence {
  /** The original's answer. */
  readonly text: string;
  readonly finding: Finding;
}

const TEXTS = { project: refusalTexts.noProject, engine: refusalTexts.noEngine, task: refusalTexts.noTask } as const;

/**
 * What is not there, or is named twice; tasks before engines before projects, as the original. `keptAside`: names that can be deleted although no
 * object has them.
 */
export function absencesAmong(identities: readonly Identity[], projects: Projects, keptAside: (names: readonly string[]) => boolean): Absence[] {
  const gone = new Set<string>();
  const order = { task: 0, engine: 1, project: 2 };
  return identities.toSorted((a, b) => order[a.kind] - order[b.kind]).flatMap(({ kind, names, section }) => {
    const id = `${kind} ${idOf(...names)}`;
    const text = gone.has(id) ? TEXTS[kind] : keptAside(names) ? undefined : absenceOf(names, projects);
    gone.add(id);
    if (text === undefined) return [];
    const finding: Finding = { line: section.line, column: section.column, says: `[${kind}] ${names.join("/")} is not there` };
    return [{ text, finding }];
  });
}

/** The first object that stands in the configuration directory, and would be there again after the next reload. */
export function declaredAmong(identities: readonly Identity[], projects: Projects): string | undefined {
  const found = identities.find(({ names: [project = "", engine, task] }) => {
    const place = projects.get(project), engineOf = engine === undefined ? undefined : place?.engines.get(engine);
    const object = task !== undefined ? engineOf?.tasks.get(task) : engine !== undefined ? engineOf : place;
    return object?.declared === true;
  });
  return found === undefined ? undefined : `${found.kind} ${idOf(...found.names)}`;
}

function absenceOf([project = "", engine, task]: readonly string[], projects: Projects): string | undefined {
  const found = projects.get(project);
  if (found === undefined) return refusalTexts.noProject;
  if (engine === undefined) return undefined;
  const place = found.engines.get(engine);
  if (place === undefined) return refusalTexts.noEngine;
  return task === undefined || place.tasks.has(task) ? undefined : refusalTexts.noTask;
}
