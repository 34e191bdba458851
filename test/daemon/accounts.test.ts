import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Accounts } from "../../src/daemon/accounts.ts";
import { formatAccounts, parseAccounts } from "../../src/daemon/accounts-text.ts";
import { sumOfAccounts } from "../../src/metrics/figures.ts";
import { openStateDir } from "../../src/daemon/state-dir.ts";
import { SysError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { emptyAccount, type Account } from "../../src/status.ts";
import { needs, notRoot } from "../needs.ts";

const full = (seed: number): Account => ({
  rounds: seed, coldBytes: seed + 1, askedBytes: seed + 2, acceptedBytes: seed + 3, outBytes: seed + 4, droppedBytes: seed + 5, stayedBytes: seed + 6,
  refusedBytes: { mlocked: seed, shared: seed + 1, hugetlb: seed + 2, accessed: seed + 3, "no swap": seed + 4, unknown: seed + 5 },
  toSlowBytes: seed + 8, toFastBytes: seed + 9, cameBackBytes: seed + 7, cpuUserMs: seed + 0.5, cpuSystemMs: seed + 0.25,
});

const both = new Map([["a/slide/x", full(1)], ["a/slide/%2F\"é", full(2 ** 50)]]);

const withSum = (body: string): string =>
  `{"etmem_accounts":1,"sha256":"${new Bun.CryptoHasher("sha256").update(body).digest("hex")}","tasks":[\n${body}`;

describe("the file of sums", () => {
  test("gives back what was written", () => {
    expect(parseAccounts(formatAccounts(both))).toEqual({ accounts: both });
    expect(parseAccounts(formatAccounts(new Map()))).toEqual({ accounts: new Map() });
  });

  test("of another version is read as far as it is known", () => {
    const text = formatAccounts(new Map([["a", { rounds: 3, laterBytes: 9 } as unknown as Account]]));
    expect(parseAccounts(text)).toEqual({ accounts: new Map([["a", { ...emptyAccount(), rounds: 3 }]]) });
  });

  test.each([
    ["empty", "", "is no file of etmem's sums"],
    ["cut short", formatAccounts(both).slice(0, -20), "does not fit its checksum: it was cut short or changed"],
    ["changed", formatAccounts(both).replace('"rounds":1', '"rounds":9'), "does not fit its checksum: it was cut short or changed"],
    ["newer", formatAccounts(both).replace('accounts":1', 'accounts":2'), "was written by a newer etmem: its version is 2, this one reads 1"],
    ["of text", formatAccounts(new Map([["a", { rounds: "many" } as unknown as Account]])), "holds something that is no sum"],
    ["negative", formatAccounts(new Map([["a", { ...full(1), outBytes: -1 }]])), "holds something that is no sum"],
    ["of the right sum and no JSON", withSum("nothing"), "holds something that is no sum"],
    ["without a task", formatAccounts(new Map([[1 as unknown as string, full(1)]])), "holds something that is no sum"],
  ])("that is %s is damaged", (_, text, damage) => expect(parseAccounts(text)).toEqual({ damage }));
});

test("accounts add up in every sum", () => {
  expect(sumOfAccounts([])).toEqual(emptyAccount());
  expect(sumOfAccounts([full(1)])).toEqual(full(1));
  expect(sumOfAccounts([full(1), full(10), full(100)]).refusedBytes.unknown).toBe(111 + 15);
});

const folders: string[] = [];
afterEach(() => {
  folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true }));
});

function place(text?: string): { file: string; open(): Accounts; said: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "etmem-accounts-")), file = join(folder, "accounts.json"), said: string[] = [];
  folders.push(folder);
  if (text !== undefined) writeFileSync(file, text, { mode: 0o600 });
  const dir = openStateDir(folder);
  const log = { error: (line: string) => said.push(line), info: (line: string) => said.push(line) } as unknown as Log;
  return { file, said, open: () => new Accounts({ log, file: dir.beside("accounts.json") }) };
}

const rootTest = needs(notRoot());

describe("the sums of tasks", () => {
  rootTest("survive the daemon", async () => {
    const { open, file } = place(), before = open();
    before.of("a").outBytes += 4096;
    await before.save();
    expect(open().known("a")).toEqual({ ...emptyAccount(), outBytes: 4096 });
    const written = readFileSync(file, "utf8");
    await before.save();
    expect(readFileSync(file, "utf8")).toBe(written);
  });

  rootTest("begin anew where the file is damaged, which is kept and told", async () => {
    const { open, file, said } = place("nonsense"), accounts = open();
    expect(accounts.known("a")).toBeUndefined();
    expect(said.join()).toMatch(/accounts\.json is no file of etmem's sums; it is kept as \S+\.damaged-\S+, and all sums begin at 0$/);
    accounts.of("a").rounds = 1;
    await accounts.save();
    expect(parseAccounts(readFileSync(file, "utf8"))).toMatchObject({ accounts: new Map([["a", { ...emptyAccount(), rounds: 1 }]]) });
  });

  rootTest("of tasks that are no more are forgotten", () => {
    const accounts = place().open();
    for (const task of ["a", "b"]) accounts.of(task).rounds = 1;
    accounts.keepOnly(new Set(["b", "c"]));
    expect([accounts.known("a"), accounts.known("b")?.rounds]).toEqual([undefined, 1]);
  });

  test("that cannot be saved are told once, and saved when it goes again", async () => {
    const said: string[] = [], texts: string[] = [];
    let isFull = true;
    const write = async (bytes: Uint8Array) => {
      if (isFull) throw new SysError("write", "accounts.json.new", "ENOSPC");
      texts.push(Buffer.from(bytes).toString());
    };
    const file = { file: "accounts.json", read: () => undefined, write, setAside: () => "" };
    const log = { error: (line: string) => said.push(line), info: (line: string) => said.push(line) } as unknown as Log;
    const accounts = new Accounts({ file, log });
    accounts.of("a").rounds = 1;
    await accounts.save();
    await accounts.save();
    expect(said).toEqual(["sums are not saved"]);
    isFull = false;
    await accounts.save();
    expect([said.at(-1), texts.length]).toEqual(["sums are saved again", 1]);
  });
});
