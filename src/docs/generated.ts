// Every file that is made from the tables; `etmem generate` writes them.
import { bashCompletion } from "./completion/bash.ts";
import { fishCompletion } from "./completion/fish.ts";
import { zshCompletion } from "./completion/zsh.ts";
import { exampleFile } from "./examples.ts";
import type { Manual } from "./manual.ts";
import { configPage, daemonPage, etmemPage, policyPage } from "./pages.ts";
import { engineTables } from "../engines/index.ts";

/** A file of the repository, by its path in it. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** The scripts by the name of their shell. */
export const completions: Readonly<Record<string, (manual: Manual) => string>> = {
  bash: bashCompletion,
  fish: fishCompletion,
  zsh: zshCompletion,
};

/** All generated files. */
export function generatedFiles(manual: Manual): GeneratedFile[] {
  return [
    { path: "man/etmem.1", text: etmemPage(manual) },
    { path: "man/etmemd.8", text: daemonPage(manual) },
    { path: "man/etmem.conf.5", text: configPage(manual) },
    { path: "man/etmem-policy.7", text: policyPage(manual) },
    { path: "completions/etmem.bash", text: bashCompletion(manual) },
    { path: "completions/_etmem", text: zshCompletion(manual) },
    { path: "completions/etmem.fish", text: fishCompletion(manual) },
    ...engineTables.map((engine) => ({ path: `rpm/${engine.name}_conf.yaml`, text: exampleFile(engine) })),
  ];
}
