// Rules over several keys, after each key by itself.
import type { EngineTableRule, MachineTableRule } from "./engine.ts";
import type { Finding, RawSection } from "./raw.ts";
import { type Fields, type Section, at, atValue } from "./section.ts";

/** The values of one section for the rules; where the section is not known, a rule that asks for it says nothing. */
export interface Level {
  readonly values: Readonly<Record<string, unknown>>;
  /** Keys whose values mean nothing because they are wrong themselves. */
  readonly broken: { has(key: string): boolean };
}

export interface Levels {
  readonly project: Level;
  readonly engine: Level;
  readonly task: Level;
}

/** A section of which nothing is known. */
export const unknownLevel: Level = { values: {}, broken: { has: () => true } };

/** A section that was found right before. */
export function soundLevel(values: Readonly<Record<string, unknown>>): Level {
  return { values, broken: new Set() };
}

/** The rules that a section breaks, each said at the key that it is about. */
export function brokenRules(rules: readonly EngineTableRule[], raw: RawSection, section: Section<Fields>, levels: Levels): Finding[] {
  return rules
    .filter((rule) => rule.section === raw.name && !holds(rule, levels))
    .map((rule) => {
      const entry = section.entryOf(rule.key);
      return entry === undefined ? at(raw, `[${raw.name}] ${rule.key}: ${rule.says}`) : atValue(raw, entry, rule.says);
    });
}

/** What the machine has against the keys of a section, each said at its key. Keys that are wrong themselves come first. */
export function machineFindings(
  rules: readonly MachineTableRule[], raw: RawSection, section: Section<Fields>, { levels, machine }: { levels: Levels; machine: unknown },
): { readonly problems: Finding[]; readonly warnings: Finding[] } {
  const problems: Finding[] = [], warnings: Finding[] = [];
  const config = { project: levels.project.values as never, engine: levels.engine.values as never, task: levels.task.values as never };
  for (const rule of section.broken.size > 0 ? [] : rules) {
    const entry = section.entryOf(rule.key);
    if (rule.section !== raw.name || entry === undefined) continue;
    const answer = rule.judge(config, machine as never);
    if (answer === undefined) continue;
    if ("problem" in answer) problems.push(atValue(raw, entry, answer.problem));
    else warnings.push(atValue(raw, entry, answer.caution));
  }
  return { problems, warnings };
}

// A rule that has looked at a wrong value has nothing to add: the value's own message is enough.
function holds(rule: EngineTableRule, levels: Levels): boolean {
  let doubtful = false;
  const watch = (level: Level): never =>
    new Proxy(level.values, {
      get(values, key) {
        if (typeof key === "string" && level.broken.has(key)) doubtful = true;
        return Reflect.get(values, key) as unknown;
      },
    }) as never;
  return rule.holds({ project: watch(levels.project), engine: watch(levels.engine), task: watch(levels.task) }) || doubtful;
}
