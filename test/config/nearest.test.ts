import { expect, test } from "bun:test";
import { nearest } from "../../src/config/nearest.ts";

const keys = ["name", "loop", "interval", "sleep", "sysmem_threshold", "swapcache_high_wmark", "swapcache_low_wmark", "T"];

test.each([
  ["intervall", "interval"],
  ["Interval", "interval"],
  ["inetrval", "interval"],
  ["loops", "loop"],
  ["sysmem_treshold", "sysmem_threshold"],
  ["swapcache_hihg_wmark", "swapcache_high_wmark"],
  ["nmae", "name"],
  ["x", undefined],
  ["", undefined],
  ["node_pair", undefined],
  ["w".repeat(100_000), undefined],
])("the key meant by %p is %p", (word, key) => {
  expect(nearest(word, keys)).toBe(key);
});
