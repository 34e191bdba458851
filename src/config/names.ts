// Names of projects, engines and tasks.
import { type Field, text } from "./field.ts";

/** A name of an object: up to 64 bytes of anything, as the original has it; its requests cannot carry all of them. */
export function objectName(doc: string, synonyms: readonly string[] = []): Field<string> {
  return text({
    doc,
    says: "a name, 1..64 bytes",
    maxBytes: 64,
    synonyms,
    // The original's request is split at blanks, and "-" stands for an absent value.
    caution: (name) => (/ |^-/.test(name) ? "cannot be named in commands: it has a blank or begins with -" : undefined),
  });
}
