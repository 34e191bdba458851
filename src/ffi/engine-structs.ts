// The structs that a library of a third party is built against: spelled and laid out as etmem.h of openEuler's etmem has them (March 2025).
import { layoutOf } from "./c-layout.ts";

/** The functions of a library, each of them may be NULL. */
export const ENGINE_OPS = layoutOf({
  fill_eng_params: "pointer", clear_eng_params: "pointer", fill_task_params: "pointer", clear_task_params: "pointer", start_task: "pointer",
  stop_task: "pointer", alloc_pid_params: "pointer", free_pid_params: "pointer", eng_mgt_func: "pointer",
});

export const ENGINE = layoutOf({
  engine_type: "i32", name: "pointer", params: "pointer", proj: "pointer", page_ref: "pointer", ops: "pointer", tasks: "pointer",
  page_cnt: "pointer", next: "pointer", handler: "pointer",
});

export const TASK = layoutOf({
  type: "pointer", value: "pointer", name: "pointer", max_threads: "i32", swap_flag: "i32", pids: "pointer", eng: "pointer", params: "pointer",
  task_pt: "pointer", timer_inst: "pointer", threadpool_inst: "pointer", next: "pointer",
});

export const PROJECT = layoutOf({
  name: "pointer", type: "i32", scan_param: "pointer", sysmem_threshold: "i32", swapcache_high_wmark: "i32", swapcache_low_wmark: "i32",
  start: "bool", wmark_set: "bool", engs: "pointer", entry: "pointer",
});

export const PAGE_SCAN = layoutOf({ interval: "i32", loop: "i32", sleep: "i32" });

/** enum of `engine_type`, and of `type` of a project. */
export const ENGINE_TYPE_THIRDPARTY = 7, SCAN_TYPE_PAGE = 0;

/** What `swap_flag` of a task holds for swap_flag=yes: the scan flag that it is passed on as. */
export const VMA_SCAN_FLAG = 0x1000;
