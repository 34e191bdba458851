// The engines there are. A new one is its file and one line here.
import type { EngineTable } from "../config/engine.ts";
import { cslide } from "./cslide.ts";
import { slide } from "./slide.ts";
import { thirdparty } from "./thirdparty.ts";

export const engines = [slide, cslide, thirdparty] as const;

/** The engines as the configuration sees them. */
export const engineTables: readonly EngineTable[] = engines;
