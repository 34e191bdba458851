// A swap device of compressed memory for a test, and what is missing where there can be none.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { missingPrograms, notRoot } from "../needs.ts";

const CONTROL = "/sys/class/zram-control";
/** The highest that swapon(8) takes: other devices stay unused. */
const PRIORITY = "32767";

export interface ZramSwap {
  readonly device: string;
  /** Bytes of it in use, as /proc/swaps has them. */
  usedBytes(): number;
  /** What zram holds: bytes as they were, and the memory they take. */
  held(): { originalBytes: number; memoryBytes: number };
  /** Reads everything back in and takes the device away. Again and again without harm. */
  remove(): Promise<void>;
}

/** Why there can be no zram swap here; absent where there can. */
export function missingZram(): string | undefined {
  const missing = notRoot() ?? missingPrograms("mkswap", "swapon", "swapoff");
  if (missing !== undefined || existsSync(CONTROL)) return missing;
  Bun.spawnSync(["modprobe", "zram", "num_devices=0"], { stderr: "ignore" });
  return existsSync(CONTROL) ? undefined : "needs zram in the kernel";
}

export async function addZramSwap(bytes: number): Promise<ZramSwap> {
  const missing = missingZram();
  if (missing !== undefined) throw new Error(missing);
  // Reading hot_add makes a device; the text is its number. Documentation/admin-guide/blockdev/zram.rst
  const number = readFileSync(`${CONTROL}/hot_add`, "utf8").trim();
  const device = `/dev/zram${number}`;
  const folder = `/sys/block/zram${number}`;
  let removed = false;
  const remove = async (): Promise<void> => {
    if (removed) return;
    if (swapLine(device) !== undefined) await run(["swapoff", device]);
    writeFileSync(`${folder}/reset`, "1");
    writeFileSync(`${CONTROL}/hot_remove`, number);
    removed = true;
  };
  try {
    writeFileSync(`${folder}/disksize`, String(bytes));
    await run(["mkswap", device]);
    await run(["swapon", "--priority", PRIORITY, device]);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    device,
    remove,
    usedBytes: () => Number(swapLine(device)?.[3] ?? 0) * 1024,
    held: () => {
      const [originalBytes = 0, , memoryBytes = 0] = readFileSync(`${folder}/mm_stat`, "utf8").trim().split(/\s+/).map(Number);
      return { originalBytes, memoryBytes };
    },
  };
}

function swapLine(device: string): string[] | undefined {
  return readFileSync("/proc/swaps", "utf8").split("\n").map((line) => line.split(/\s+/)).find(([name]) => name === device);
}

async function run(command: string[]): Promise<void> {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const child = Bun.spawn(command, { env: { PATH: path }, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [problem, status] = await Promise.all([child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${command.join(" ")}: exit ${status}: ${problem.trim()}`);
}
