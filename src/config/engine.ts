// [engine]: by which policy. The keys beside these two are each engine's own.
import { objectName } from "./names.ts";

/** The project an engine belongs to; its `name` is a choice among the engines there are (tables.ts). */
export const engineProject = objectName("Name of the project that the engine belongs to.");
