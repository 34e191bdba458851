// On which node each page of a heat map lies. The page map's frames tell for a sixth of what move_pages(2) costs to ask (11 against 65 ms per GiB
// of small pages); that is asked where frames are hidden, or lie where two nodes meet. numa_maps (17 ms per GiB) only has sums.
import { PageVector } from "../ffi/move-pages.ts";
import { PageEntries } from "../proc/page-entries.ts";
import type { MemoryBlocks } from "../proc/memory-blocks.ts";
import { SysError } from "../errors.ts";
import type { CpuMeter } from "./cpu-meter.ts";
import { CHUNK_PAGES, type HeatCursor, type HeatMap } from "./heat-map.ts";
import { nextTurn } from "./next-turn.ts";
import { NOWHERE } from "./placement.ts";

export interface Located {
  readonly pid: number;
  readonly pagemap: number;
  readonly signal: AbortSignal;
  readonly cpu: CpuMeter;
}

/** 128 MiB of full chunks: some 2 ms by frames. */
const STEP_CHUNKS = 64;
const QUERY_PAGES = 4096;

/** One for each thread. */
const entries = new PageEntries(CHUNK_PAGES), vector = new PageVector(QUERY_PAGES);

/** One node an entry of the map, or NOWHERE. Throws SysError ESRCH where the process is gone. */
export async function locatePages(process: Located, heat: HeatMap, blocks: MemoryBlocks | undefined): Promise<Uint8Array> {
  const nodes = new Uint8Array(heat.arrays.counts.length).fill(NOWHERE), cursor = heat.cursor(), asked = new Asked(process.pid, nodes);
  for (let more = true; more && !process.signal.aborted;) {
    process.cpu.measure(() => {
      for (let chunk = 0; chunk < STEP_CHUNKS && (more = cursor.next()); chunk++) locateChunk(process.pagemap, cursor, { nodes, blocks, asked });
      asked.send();
    });
    await nextTurn();
  }
  return nodes;
}

interface Sink {
  readonly nodes: Uint8Array;
  readonly blocks: MemoryBlocks | undefined;
  readonly asked: Asked;
}

function locateChunk(pagemap: number, { view }: HeatCursor, { nodes, blocks, asked }: Sink): void {
  const base = view.number * CHUNK_PAGES, first = view.huge ? 0 : view.pages[0]!, last = view.huge ? 0 : view.pages[view.entries - 1]!;
  entries.read(pagemap, base + first, last + 1 - first);
  for (let i = 0; i < view.entries; i++) {
    const page = view.huge ? 0 : view.pages[i]!;
    if (!entries.isPresent(page - first)) continue;
    const frame = entries.frame(page - first), node = frame > 0 ? blocks?.nodeOf(frame) : undefined;
    if (node === undefined) asked.add(base + page, view.firstCount + i);
    else nodes[view.firstCount + i] = Math.min(node, NOWHERE);
  }
}

/** Pages whose nodes the kernel is asked for, many at a time. */
class Asked {
  private readonly pid: number;
  private readonly nodes: Uint8Array;
  private readonly places = new Uint32Array(QUERY_PAGES);
  private held = 0;

  constructor(pid: number, nodes: Uint8Array) {
    this.pid = pid;
    this.nodes = nodes;
  }

  add(page: number, entry: number): void {
    if (this.held === QUERY_PAGES) this.send();
    vector.put(this.held, page);
    this.places[this.held++] = entry;
  }

  send(): void {
    if (this.held === 0) return;
    const result = vector.query(this.pid, this.held);
    if (result < 0) throw new SysError("move_pages", `pid ${this.pid}`, -result, "needs root with CAP_SYS_NICE and CAP_SYS_PTRACE");
    for (let i = 0; i < this.held; i++) if (vector.status[i]! >= 0) this.nodes[this.places[i]!] = Math.min(vector.status[i]!, NOWHERE);
    this.held = 0;
  }
}
