// The sums of each task, as long as the task exists: beyond a stop of its project, and with --state-dir beyond the daemon.
import { EtmemError } from "../errors.ts";
import type { Log } from "../log.ts";
import { emptyAccount, type Account } from "../status.ts";
import { formatAccounts, parseAccounts } from "./accounts-text.ts";
import type { StateFile } from "./state-dir.ts";

export interface AccountsParts {
  readonly log: Log;
  /** Where they survive; nowhere if absent. */
  readonly file?: StateFile | undefined;
}

/** What a power cut may cost of the sums. */
const SAVE_MS = 15_000;

export class Accounts {
  private readonly parts: AccountsParts;
  private readonly accounts: Map<string, Account>;
  /** As it was written last. */
  private written = "";
  private writing: Promise<void> = Promise.resolve();
  private problem: string | undefined;
  private timer: Timer | undefined;

  /** Damaged figures are set aside and begin anew: no project waits for them. */
  constructor(parts: AccountsParts) {
    this.parts = parts;
    this.accounts = this.read();
    this.written = formatAccounts(this.accounts);
  }

  /** Of a task by its id. What is entered there is kept. */
  of(task: string): Account {
    let account = this.accounts.get(task);
    if (!account) this.accounts.set(task, (account = emptyAccount()));
    return account;
  }

  /** Of a task that may never have run. */
  known(task: string): Account | undefined {
    return this.accounts.get(task);
  }

  /** Forgets the tasks that are not there any more. */
  keepOnly(tasks: ReadonlySet<string>): void {
    for (const task of this.accounts.keys()) if (!tasks.has(task)) this.accounts.delete(task);
  }

  /** From now on they are saved from time to time. */
  begin(): void {
    if (this.parts.file) this.timer ??= setInterval(() => void this.save(), SAVE_MS).unref();
  }

  /** They do not change any more. Resolves when they are saved. */
  async rest(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.save();
  }

  /** Never rejects: what cannot be saved is told once, and tried again. */
  save(): Promise<void> {
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  private async write(): Promise<void> {
    const { file, log } = this.parts, text = formatAccounts(this.accounts);
    if (!file || text === this.written) return;
    try {
      await file.write(Buffer.from(text), () => Buffer.from(this.written));
      this.written = text;
      if (this.problem !== undefined) log.info("sums are saved again", { file: file.file });
      this.problem = undefined;
    } catch (error) {
      if (!(error instanceof EtmemError)) throw error;
      if (error.message !== this.problem) log.error("sums are not saved", { reason: error.message });
      this.problem = error.message;
    }
  }

  private read(): Map<string, Account> {
    const { file, log } = this.parts;
    try {
      const bytes = file?.read();
      if (!file || bytes === undefined) return new Map();
      const found = "damage" in bytes ? bytes : parseAccounts(new TextDecoder().decode(bytes));
      if ("accounts" in found) return found.accounts;
      log.error(`${file.file} ${found.damage}; it is kept as ${file.setAside()}, and all sums begin at 0`);
    } catch (error) {
      if (!(error instanceof EtmemError)) throw error;
      log.error("all sums begin at 0", { reason: error.message });
    }
    return new Map();
  }
}
