// When swap cache is freed, and what that came to.

/** What was freed of the swap cache. */
export interface SwapCacheRelief {
  /** Of this process's cgroup; what the module frees it does not tell. */
  readonly freedBytes: number;
  /** Why it was not more, in words; null where nothing is wrong. */
  readonly reason: string | null;
}

/** When to free swap cache, and how far: shares of all memory in percent. */
export interface SwapCacheMarks {
  readonly highPercent: number;
  readonly lowPercent: number;
}
