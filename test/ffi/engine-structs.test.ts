// Sizes and offsets as a C compiler gives them for the original's header on x86-64.
import { expect, test } from "bun:test";
import { ENGINE, ENGINE_OPS, PAGE_SCAN, PROJECT, TASK } from "../../src/ffi/engine-structs.ts";
import { layoutOf } from "../../src/ffi/c-layout.ts";

test.each([
  ["engine_ops", ENGINE_OPS, 72, {
    fill_eng_params: 0, clear_eng_params: 8, fill_task_params: 16, clear_task_params: 24, start_task: 32, stop_task: 40, alloc_pid_params: 48,
    free_pid_params: 56, eng_mgt_func: 64,
  }],
  ["engine", ENGINE, 80, {
    engine_type: 0, name: 8, params: 16, proj: 24, page_ref: 32, ops: 40, tasks: 48, page_cnt: 56, next: 64, handler: 72,
  }],
  ["task", TASK, 88, {
    type: 0, value: 8, name: 16, max_threads: 24, swap_flag: 28, pids: 32, eng: 40, params: 48, task_pt: 56, timer_inst: 64, threadpool_inst: 72,
    next: 80,
  }],
  ["project", PROJECT, 56, {
    name: 0, type: 8, scan_param: 16, sysmem_threshold: 24, swapcache_high_wmark: 28, swapcache_low_wmark: 32, start: 36, wmark_set: 37, engs: 40,
    entry: 48,
  }],
  ["page_scan", PAGE_SCAN, 12, { interval: 0, loop: 4, sleep: 8 }],
])("struct %s lies as a C compiler lays it", (_, layout, bytes, offsets) => {
  expect({ bytes: layout.bytes, offsets: layout.offsets as Record<string, number> }).toEqual({ bytes, offsets });
});

test("a struct ends where the next of its kind may begin", () => {
  expect(layoutOf({ a: "bool", b: "i64", c: "bool" }).bytes).toBe(24);
  expect(layoutOf({ a: "bool", b: "bool" }).bytes).toBe(2);
});
