// Up to 254 moments by number, in milliseconds of one clock: so that a page's moment is one byte.

/** In place of a moment. */
export const NO_MOMENT = 255;

const MOST = 254;
/** So many are left when there were too many: nearly all, since what is lost by each thinning adds up. */
const THINNED = 220;
/** Of these there must be room in each round: its beginning, its end, and moments in the future. */
const SPARE = 16;

export class Moments {
  private times = new Float64Array(MOST);
  /** The earliest of the moments that have become this one. */
  private earliest = new Float64Array(MOST);
  private count = 0;

  get isFull(): boolean { return this.count >= MOST; }

  at(moment: number): number { return this.times[moment]!; }

  /** The number of a moment; there must be room. */
  add(ms: number): number {
    if (this.count > 0 && this.times[this.count - 1] === ms) return this.count - 1;
    if (this.isFull) throw new Error("no room for another moment");
    this.times[this.count] = this.earliest[this.count] = ms;
    return this.count++;
  }

  /** The number of exactly this moment; where there is no room, of the next one after it that there is, or of the last one. */
  shared(ms: number): number {
    const known = this.times.subarray(0, this.count), same = known.indexOf(ms);
    if (same >= 0 || !this.isFull) return same >= 0 ? same : this.add(ms);
    let best = 0;
    for (let moment = 1; moment < this.count; moment++) {
      const time = known[moment]!, chosen = known[best]!;
      if (time >= ms ? chosen < ms || time < chosen : time > chosen) best = moment;
    }
    return best;
  }

  /** The clock stood still for so long. */
  shift(ms: number): void {
    for (let moment = 0; moment < this.count; moment++) {
      this.times[moment]! += ms;
      this.earliest[moment]! += ms;
    }
  }

  /** By moment: 1 where it is not after `ms`. */
  notAfter(ms: number): Uint8Array {
    return Uint8Array.from({ length: 256 }, (_, moment) => (moment < this.count && this.times[moment]! <= ms ? 1 : 0));
  }

  /**
   * Makes room where there is little; gives the new number of each old one. Those that no page has go first, then the one that loses least, as a
   * share of its age, becomes the next younger one, again and again.
   */
  makeRoom(nowMs: number, used: () => Uint32Array): Uint8Array {
    const moved = Uint8Array.from({ length: 256 }, (_, moment) => moment);
    if (this.count <= MOST - SPARE) return moved;
    const pages = used(), groups: Group[] = [];
    for (let moment = 0; moment < this.count; moment++) {
      if (pages[moment]! > 0) groups.push({ time: this.times[moment]!, earliest: this.earliest[moment]!, members: [moment] });
    }
    groups.sort((a, b) => b.time - a.time);
    while (groups.length > THINNED) {
      const losing = leastLoss(groups, nowMs), [gone] = groups.splice(losing, 1), younger = groups[losing - 1]!;
      younger.earliest = Math.min(younger.earliest, gone!.earliest);
      younger.members.push(...gone!.members);
    }
    this.count = groups.length;
    for (const [number, { time, earliest, members }] of groups.entries()) {
      this.times[number] = time;
      this.earliest[number] = earliest;
      for (const moment of members) moved[moment] = number;
    }
    return moved;
  }
}

interface Group {
  readonly time: number;
  earliest: number;
  readonly members: number[];
}

/** Which group, but for the first, loses least when it becomes the one before it. From the youngest to the oldest; some may lie in the future. */
function leastLoss(groups: readonly Group[], nowMs: number): number {
  let best = 1, least = Infinity;
  for (let i = 1; i < groups.length; i++) {
    const { earliest } = groups[i]!, share = (groups[i - 1]!.time - earliest) / Math.max(1, Math.abs(nowMs - earliest));
    if (share < least) [best, least] = [i, share];
  }
  return best;
}
