// Keys of an engine that a library of a third party implements (struct engine_ops of etmem.h). It has no rounds yet.
import { text } from "../config/field.ts";
import { objectName } from "../config/names.ts";
import { defineEngine } from "./engine.ts";

/** A library's own policy. Keys that are not in the tables are the library's, in [engine] and in [task]. */
export const thirdparty = {
  ...defineEngine({
    name: "thirdparty",
    doc: "A policy in a library of a third party.",
    fields: {
      project: {},
      engine: {
        eng_name: objectName("Name by which tasks and commands refer to the engine."),
        libname: text({
          doc: "The library: owned by root, mode 500 or 700.",
          says: "an absolute path, at most 256 bytes",
          maxBytes: 256,
          pattern: /^\//,
        }),
        ops_name: text({
          doc: "Name of the variable of type struct engine_ops in the library.",
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
