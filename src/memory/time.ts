import { steadyMs } from "../ffi/clock.ts";
import type { Time } from "./memory.ts";
import { pause } from "./pause.ts";

/** The machine's. */
export const steadyTime: Time = { nowMs: steadyMs, pause };
