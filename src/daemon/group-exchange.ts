// The pages of a pair of nodes change places, in bounded calls, and never more than there is room for.
import type { FastSlow } from "../engines/engine.ts";
import type { PageList } from "../memory/memory.ts";

/** So much in one call: some 20 ms, the longest that `project stop` waits for one. */
export const CALL_BYTES = 32 << 20;

/** Pages of one process that are to go to the same node; `at`: how many of them have been asked for. */
export interface Load {
  /** Index of the process. */
  readonly process: number;
  readonly list: PageList;
  at: number;
}

export interface Moved {
  readonly bytes: number;
  /** The node had no memory for some of them. */
  readonly full: boolean;
}

export interface ExchangeHooks {
  /** Bytes that fit on the node now. */
  room(node: number): number;
  /** May it go on? Asked before each call. */
  proceed(): boolean;
  /** The most for the next call, in bytes; 0 where the process takes no more part. */
  limit(process: number): number;
  /** Moves pages from..to-1 of the load. */
  move(load: Load, range: { readonly from: number; readonly to: number }, node: number): Promise<Moved>;
}

/** What goes to the fast node, and what to the slow one. */
export interface Loads {
  readonly up: readonly Load[];
  readonly down: readonly Load[];
}

/**
 * Both lists are in the order of what matters most. Hot pages go first, for as long as there is room for them; where there is none, cold ones make it
 * piece by piece, so that both nodes may be nearly full.
 */
export async function exchange({ fast, slow }: Omit<FastSlow, "because">, loads: Loads, hooks: ExchangeHooks): Promise<void> {
  const upward = new Lane(loads.up, fast, hooks), downward = new Lane(loads.down, slow, hooks);
  while (hooks.proceed()) {
    if (await upward.step()) continue;
    const madeRoom = await downward.step();
    if (madeRoom === undefined) return;
    if (madeRoom.bytes > 0) upward.reopen();
  }
}

/** What goes to one node. */
class Lane {
  private readonly loads: readonly Load[];
  private readonly node: number;
  private readonly hooks: ExchangeHooks;
  private current = 0;
  private isFull = false;

  constructor(loads: readonly Load[], node: number, hooks: ExchangeHooks) {
    this.loads = loads;
    this.node = node;
    this.hooks = hooks;
  }

  reopen(): void {
    this.isFull = false;
  }

  /** One call; undefined where nothing is left or nothing fits. */
  async step(): Promise<Moved | undefined> {
    if (this.isFull) return undefined;
    for (let load = this.loads[this.current]; load !== undefined; load = this.loads[++this.current]) {
      const { list: { pages, pageBytes }, at } = load, limit = this.hooks.limit(load.process);
      if (at === pages.length || limit === 0) continue;
      const fitting = Math.floor(Math.min(Math.max(limit, pageBytes), this.hooks.room(this.node)) / pageBytes);
      if (fitting === 0) return undefined;
      const to = Math.min(pages.length, at + fitting);
      load.at = to;
      const moved = await this.hooks.move(load, { from: at, to }, this.node);
      this.isFull = moved.full;
      return moved;
    }
    return undefined;
  }
}
