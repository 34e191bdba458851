// Keys of an engine whose policy is a file of a third party's: a library in C (struct engine_ops of etmem.h) or a policy in TypeScript.
import { text } from "../config/field.ts";
import { objectName } from "../config/names.ts";
import { defineEngine } from "./engine.ts";

/** A policy of somebody else's; daemon/plugins.ts runs it. Keys that are not in the tables are the library's, in [engine] and in [task]. */
export const thirdparty = {
  ...defineEngine({
    name: "thirdparty",
    doc: "A policy of a third party: a library in C, or a file in TypeScript or JavaScript.",
    fields: {
      project: {},
      engine: {
        eng_name: objectName("Name by which tasks and commands refer to the engine."),
        libname: text({
          doc: "The library, or the policy where it ends in .ts, .mts, .js or .mjs: owned by root, mode 500 or 700.",
          says: "an absolute path, at most 256 bytes",
          maxBytes: 256,
          pattern: /^\//,
        }),
        ops_name: text({
          doc: "Name of the variable of type struct engine_ops in the library, or of what the policy exports.",
          says: "a name of C, at most 256 bytes",
          maxBytes: 256,
          pattern: /^[A-Za-z_$][A-Za-z0-9_$.@]*$/,
        }),
      },
      task: {},
    },
    rules: [],
    commands: {},
  }),
  foreignKeys: true,
} as const;
