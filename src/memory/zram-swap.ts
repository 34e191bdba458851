// A swap device of compressed memory, made for a while and taken away again. Documentation/admin-guide/blockdev/zram.rst
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readSwaps } from "../proc/swaps.ts";
import { kernelRoot, type Root } from "../proc/root.ts";
import { EtmemError, UnsupportedError } from "../errors.ts";

export interface ZramSwap {
  readonly device: string;
  /** Reads everything back in and takes the device away. Again and again without harm. */
  remove(): Promise<void>;
}

/** The highest that swapon(8) takes: other devices stay unused meanwhile. */
const PRIORITY = "32767";
/** Where mkswap and swapon are, whatever the caller's PATH. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Throws UnsupportedError where the kernel has no zram. */
export async function addZramSwap(bytes: number, root: Root = kernelRoot): Promise<ZramSwap> {
  const control = `${root.sys}/class/zram-control`;
  if (!existsSync(control)) await run(["modprobe", "zram", "num_devices=0"]).catch(() => undefined);
  if (!existsSync(control)) throw new UnsupportedError("this kernel has no zram (CONFIG_ZRAM; modprobe zram)");
  const number = readFileSync(`${control}/hot_add`, "latin1").trim(); // reading it makes a device
  const device = `/dev/zram${number}`, folder = `${root.sys}/block/zram${number}`;
  let removed = false;
  const remove = async () => {
    if (removed) return;
    if (readSwaps(root).some(({ path }) => path === device)) await run(["swapoff", device]);
    writeFileSync(`${folder}/reset`, "1");
    writeFileSync(`${control}/hot_remove`, number);
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
  return { device, remove };
}

async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { env: { PATH: SYSTEM_PATH }, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [problem, status] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (status !== 0) throw new EtmemError(`${command.join(" ")}: exit ${status}: ${problem.trim()}`);
}
