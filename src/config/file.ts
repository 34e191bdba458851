// The text of a configuration file → its sections, whichever of the two syntaxes it is written in.
import type { RawFile } from "./raw.ts";

/** Cuts a file into sections. Loads the library of the syntax it meets, and no other. Never throws for what stands in the text. */
export async function parseFile(text: string, path: string): Promise<RawFile> {
  if (isToml(text, path)) {
    const { parseTomlFile } = await import("./toml.ts");
    return { path, ...parseTomlFile(text) };
  }
  const { parseKeyFile } = await import("./key-file.ts");
  return { path, ...parseKeyFile(text) };
}

/** By name, or by the `[[` that no key file can have at the start of a line. */
function isToml(text: string, path: string): boolean {
  return path.toLowerCase().endsWith(".toml") || /^[ \t]*\[\[/m.test(text);
}
