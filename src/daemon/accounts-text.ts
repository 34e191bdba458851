// The text of the file of sums, both ways: JSON, one task a line.
//
//   {"etmem_accounts":1,"sha256":"…","tasks":[
//   ["test/slide/background_slide",{"rounds":12,…}]
//   ]}
import { emptyAccount, type Account } from "../status.ts";

/** Raised when an older etmem would misread what is written. A sum that it does not know is no reason: it leaves that out. */
const ACCOUNTS_VERSION = 1;

export function formatAccounts(accounts: ReadonlyMap<string, Account>): string {
  const body = `${[...accounts].map((entry) => JSON.stringify(entry)).join(",\n")}\n]}\n`;
  return `{"etmem_accounts":${ACCOUNTS_VERSION},"sha256":"${sum(body)}","tasks":[\n${body}`;
}

/** The sums, or what is wrong with the file, to be read behind its name. A sum that is missing is 0. */
export function parseAccounts(text: string): { readonly accounts: Map<string, Account> } | { readonly damage: string } {
  const head = /^\{"etmem_accounts":(\d+),"sha256":"([0-9a-f]{64})","tasks":\[\n/.exec(text);
  if (!head) return { damage: "is no file of etmem's sums" };
  const version = Number(head[1]);
  if (version > ACCOUNTS_VERSION) return { damage: `was written by a newer etmem: its version is ${version}, this one reads ${ACCOUNTS_VERSION}` };
  if (sum(text.slice(head[0].length)) !== head[2]) return { damage: "does not fit its checksum: it was cut short or changed" };
  const entries = entriesIn(text)?.map(entryOf) ?? [undefined];
  return entries.includes(undefined) ? { damage: "holds something that is no sum" } : { accounts: new Map(entries as [string, Account][]) };
}

function entriesIn(text: string): readonly unknown[] | undefined {
  try {
    return (JSON.parse(text) as { readonly tasks: readonly unknown[] }).tasks;
  } catch {
    return undefined;
  }
}

function entryOf(entry: unknown): [string, Account] | undefined {
  const [task, stored] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const account = emptyAccount();
  return typeof task === "string" && isObject(stored) && fill(account, stored) ? [task, account] : undefined;
}

/** Takes the sums that it knows; false where one of them is no number. */
function fill(into: object, stored: object): boolean {
  const from = stored as Readonly<Record<string, unknown>>, sums = into as Record<string, unknown>;
  return Object.keys(sums).every((key) => {
    const value = from[key], known = sums[key];
    if (value === undefined) return true;
    if (isObject(known)) return isObject(value) && fill(known, value);
    sums[key] = value;
    return typeof value === "number" && value >= 0;
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sum(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
