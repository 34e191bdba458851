// The processes of a task: which of them it may work on, and what is known of them.
import type { Log } from "../log.ts";
import { processKey, type FoundProcess } from "../memory/memory.ts";
import { emptyAccount, type ProcessStatus } from "../status.ts";
import { giveBackProcess, takeProcess, type Claims, type TargetLocks } from "./claims.ts";
import type { TaskSpec } from "./objects.ts";

export interface Member {
  process: FoundProcess;
  status: ProcessStatus;
  owned: boolean;
  /** As the log has it last; and when it was told what. */
  lastReason: string | null;
  readonly said: Map<string | null, number>;
}

/** A process may be held and let go in each round, for weeks. */
const SAID_AGAIN_MS = 600_000, MOST_SAID = 32;

export interface MembersParts {
  readonly task: TaskSpec;
  readonly claims: Claims;
  readonly locks: TargetLocks;
  readonly log: Log;
  /** Called for each owned process that left. */
  forget(process: FoundProcess): void;
  /** Only tests have another clock. */
  nowMs?(): number;
}

export class Members {
  private readonly parts: MembersParts;
  private readonly members = new Map<string, Member>();

  constructor(parts: MembersParts) {
    this.parts = parts;
  }

  get count(): number { return this.members.size; }

  all(): Member[] {
    return [...this.members.values()];
  }

  statuses(): ProcessStatus[] {
    return this.all().map(({ status }) => status);
  }

  /** Processes that came and went. */
  meet(found: readonly FoundProcess[]): void {
    const present = new Set(found.map(processKey));
    for (const [key, member] of this.members) {
      if (present.has(key)) continue;
      this.leave(member);
      this.members.delete(key);
      this.parts.log.info("process gone", { task: this.parts.task.id, pid: member.process.pid, name: member.process.comm });
    }
    for (const process of found) {
      const known = this.members.get(processKey(process));
      if (known) rename(known, process);
      if (known) continue;
      const status = {
        pid: process.pid, comm: process.comm, state: "waiting", reason: null, residentBytes: 0, swappedBytes: 0,
        lastRound: null, total: emptyAccount(),
      };
      this.members.set(processKey(process), { process, status, owned: false, lastReason: null, said: new Map() });
    }
  }

  /** Those that the task has. */
  owned(): FoundProcess[] {
    return this.all().filter(({ owned }) => owned).map(({ process }) => process);
  }

  /** Those that the task may work on, after it has asked for the ones that it has not got yet. */
  claimed(): Member[] {
    return this.all().filter((member) => member.owned || this.claim(member));
  }

  /** Gives all of them back. */
  leaveAll(): void {
    for (const member of this.members.values()) this.leave(member);
    this.members.clear();
  }

  /**
   * Why nothing moves is said when it changes; the figures in it change all the time. What comes and goes is said again if it lasts for a while.
   * `told`: the log has it already; `moved`: something does move. True if it has changed for the log.
   */
  tell(member: Member, reason: string | null, { told = false, moved = false } = {}): boolean {
    const { log, task } = this.parts, { status, process, said } = member, nowMs = this.parts.nowMs?.() ?? performance.now();
    const shape = reason?.replace(/\d+/g, "#") ?? null;
    status.reason = reason;
    if (shape === member.lastReason || nowMs - (said.get(shape) ?? -Infinity) < SAID_AGAIN_MS) return false;
    member.lastReason = shape;
    if (said.size >= MOST_SAID) said.clear();
    said.set(shape, nowMs);
    const who = { task: task.id, pid: process.pid, name: process.comm };
    if (!told && reason !== null) log.info(moved ? "not all moves" : "nothing moves", { ...who, reason });
    else if (!told) log.info("moving again", who);
    return true;
  }

  /** A process belongs to the first task that asks for it, here or in another daemon. */
  private claim(member: Member): boolean {
    const holder = takeProcess(member.process, this.parts.task.id, this.parts);
    member.owned = holder === undefined;
    member.status.state = holder === undefined ? "waiting" : `owned by ${holder}`;
    this.tell(member, holder === undefined ? null : `it belongs to ${holder}`);
    return member.owned;
  }

  private leave({ process, owned }: Member): void {
    if (!owned) return;
    this.parts.forget(process);
    giveBackProcess(process, this.parts.task.id, this.parts);
  }
}

/** By exec a process gets another name. */
function rename(member: Member, process: FoundProcess): void {
  if (member.process.comm === process.comm) return;
  member.process = process;
  member.status = { ...member.status, comm: process.comm };
}
