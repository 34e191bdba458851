// What a policy in TypeScript gets and gives: see etmem-policy(7). For `import type` alone; a policy is one file and imports nothing of ours.

/** A function of it may answer at once or later. */
export type Later<T> = T | Promise<T>;

/** A key of [engine] or [task], made by a function of `Etmem`. */
export interface Field<T> {
  readonly doc: string;
  readonly says: string;
  readonly required: boolean;
  readonly fallback?: T | undefined;
  read(text: string): { readonly value: T; readonly caution?: string } | { readonly wrong: true };
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A key is mandatory unless a fallback is given, be it `undefined`. */
export interface FieldOptions<T> {
  /** One sentence. */
  readonly doc: string;
  readonly fallback?: T | undefined;
  readonly unit?: string;
}
type Absent<O> = O extends { readonly fallback: undefined } ? undefined : never;

/** What a policy is made with: the function that `ops_name` names is called with it. */
export interface Etmem {
  int<const O extends FieldOptions<number>>(min: number, max: number, options: O): Field<number | Absent<O>>;
  decimal<const O extends FieldOptions<number>>(min: number, max: number, options: O): Field<number | Absent<O>>;
  text<const O extends FieldOptions<string> & { readonly maxBytes: number; readonly pattern?: RegExp }>(options: O): Field<string | Absent<O>>;
  choice<C extends string, const O extends FieldOptions<C>>(words: readonly C[], options: O): Field<C | Absent<O>>;
  yesNo<const O extends FieldOptions<boolean>>(options: O): Field<boolean | Absent<O>>;
  /** A number of bytes, or a number and one of k, m, g, t. */
  size<const O extends FieldOptions<number>>(options: O): Field<number | Absent<O>>;
  /** Gives the policy its types. */
  policy<const E extends Fields = {}, const T extends Fields = {}>(policy: Policy<E, T>): Policy<E, T>;
  /** Collects runs of pages, for choices that `runsBelow` cannot make. */
  runs(): RunBuilder;
}

export interface Config<E, T> {
  readonly project: { readonly name: string; readonly loop: number; readonly interval: number; readonly sleep: number };
  readonly engine: E;
  readonly task: T & {
    readonly name: string; readonly type: "pid" | "name"; readonly value: string; readonly swap_flag: boolean; readonly max_threads: number;
  };
}

/** A policy. Pure functions: scanning, the brake, moving and the ledger are the daemon's. All but `decide` may be absent. */
export interface Policy<E extends Fields, T extends Fields, C = Config<Values<E>, Values<T>>> {
  readonly fields?: { readonly engine?: E; readonly task?: T };
  /** Why a task cannot run at all with what this kernel can show. */
  refusal?(config: C, sight: Sight): Later<string | undefined>;
  /** What the operator should know beforehand. */
  cautions?(config: C, sight: Sight): Later<readonly string[]>;
  /** May a round over this process start? */
  gate?(config: C, system: System, process: Process): Later<{ readonly go: true } | { readonly go: false; readonly reason: string }>;
  /** What the scans must find out: loop windows, and a page counted loop times is hot, if absent. */
  question?(config: C, sight: Sight): Later<Question>;
  /** Which pages go to swap. Pages that the scans have not found are left out, and what is in use at the last look stays. */
  decide(heat: Heat, config: C, seen: { readonly question: Question; readonly process: Process }): Later<{ readonly swapOut: Runs }>;
}

export interface Sight {
  readonly tracker: string;
  readonly seesWrites: boolean;
  readonly seesSwapFlag: boolean;
}

export interface System {
  readonly memTotalBytes: number;
  readonly memAvailableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

export interface Process {
  readonly pid: number;
  readonly comm: string;
  readonly rssBytes: number;
  readonly swapBytes: number;
}

export interface Question {
  /** Windows of `interval` seconds, at least 2, in each of which a page is accessed or idle. */
  readonly windows: number;
  /** A page counted this often is hot and need not be looked at again. */
  readonly threshold: number;
}

/** Run i is the pages from[i] .. to[i]-1, a page being address / 4096; ascending and apart. */
export interface Runs {
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Sum over the runs. */
  readonly pages: number;
}

export interface RunBuilder {
  /** Above all that were added before. */
  add(from: number, to: number): void;
  done(): Runs;
}

/** How often each resident page of the process was seen accessed in this round. */
export interface Heat {
  readonly residentPages: number;
  /** Pages by count; element 255 are pages of which nothing may be concluded. */
  histogram(): Float64Array;
  /** Pages counted fewer than `threshold` times; at most so many, the coldest first. Huge pages whole. */
  runsBelow(threshold: number, mostPages?: number): Runs;
  /** Steps through the chunks of 512 pages that hold any. */
  cursor(): HeatCursor;
  readonly arrays: { readonly counts: Uint8Array };
}

export interface HeatCursor {
  next(): boolean;
  /** The chunk's first page is number * 512; entry i is page pages[i] of it and was counted arrays.counts[firstCount + i] times. */
  readonly view: {
    readonly number: number; readonly huge: boolean; readonly pages: Uint16Array; readonly entries: number; readonly firstCount: number;
  };
}
