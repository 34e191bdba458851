// The manual pages: prose from the files of prose/, lists from the tables.
import { engineTables } from "../engines/index.ts";
import { daemonOf } from "./completion/kinds.ts";
import { exampleFile } from "./examples.ts";
import { engineList, keyLists } from "./keys.ts";
import { type CommandDoc, type Manual, pathOf } from "./manual.ts";
import { paragraph, rowsOf, synopsis } from "./mdoc.ts";
import daemonProse from "./prose/etmemd.txt" with { type: "text" };
import configProse from "./prose/etmem.conf.txt" with { type: "text" };
import policyProse from "./prose/etmem-policy.txt" with { type: "text" };
import etmemProse from "./prose/etmem.txt" with { type: "text" };

/** The day on which the prose last changed in substance; the pages must not depend on the day of the build. */
const DATE = "November 23, 2026";

/** man/etmem.1 */
export function etmemPage(manual: Manual): string {
  return page(etmemProse, manual, {
    SYNOPSIS: [...manual.commands.map((command) => `.Nm\n${synopsis(command)}`), ".Nm\n.Cm help", ".Nm\n.Fl -version"].join("\n"),
    COMMANDS: manual.commands.map(subsection).join("\n"),
  });
}

/** man/etmemd.8 */
export function daemonPage(manual: Manual): string {
  const daemon = daemonOf(manual);
  return page(daemonProse, manual, {
    SYNOPSIS: daemon === undefined ? "" : `.Nm\n${synopsis(daemon, [])}`,
    OPTIONS: daemon === undefined ? "" : rowsOf(daemon),
  });
}

/** man/etmem.conf.5 */
export function configPage(manual: Manual): string {
  return page(configProse, manual, {
    ENGINES: engineList(),
    PROJECT: keyLists("project"),
    ENGINE: keyLists("engine"),
    TASK: keyLists("task"),
    EXAMPLE: literal(engineTables[0] === undefined ? "" : exampleFile(engineTables[0]).replace(/^#.*\n/gm, "").trim()),
  });
}

/** man/etmem-policy.7 */
export function policyPage(manual: Manual): string {
  return page(policyProse, manual, {});
}

function subsection(command: CommandDoc): string {
  return [`.Ss etmem ${pathOf(command)}`, paragraph(command.doc), rowsOf(command)].join("\n");
}

function literal(text: string): string {
  return `.Bd -literal -offset indent\n${text.replaceAll("\\", "\\e").replace(/^\./gm, "\\&.")}\n.Ed`;
}

/** A line of the prose that is a name between two "@" is a list to fill in. */
function page(prose: string, { version }: Manual, lists: Readonly<Record<string, string>>): string {
  const filled: Readonly<Record<string, string>> = { DATE: `.Dd ${DATE}`, SYSTEM: `.Os etmem ${version}`, ...lists };
  return prose.replace(/^@([A-Z]+)@$/gm, (line, name: string) => filled[name] ?? line);
}
