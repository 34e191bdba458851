// cslide on a stock kernel with two nodes of DRAM and two of memory alone: hot and cold pages begin on the wrong nodes, and change places later.
import { expect, setDefaultTimeout } from "bun:test";
import { MovingHeat, type Heat } from "../../src/memory/workload.ts";
import { executable } from "../e2e/harness.ts";
import { needs } from "../needs.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

const LONG = process.env["ETMEM_LONG"] !== undefined;
setDefaultTimeout(400_000);

const machine = needs(await missingMachine());

/** The first line of a workload. */
type Ready = Heat & { readonly pid: number; readonly start: string; readonly bytes: number; readonly pageBytes: number };

/** A process, the node of each of its pages, and whether its hot pages have changed places. */
interface Sample {
  readonly round: number;
  readonly flipped: boolean;
  readonly nodes: Int8Array;
}

interface Story {
  readonly ready: Ready;
  readonly samples: readonly Sample[];
  /** showtaskpages after the last round: used, hot and cold KB by node. */
  readonly shown: ReadonlyMap<number, readonly number[]>;
  /** numa_maps of the same moment: KB by node. */
  readonly numaMaps: ReadonlyMap<number, number>;
}

const BEFORE = 4, AFTER = LONG ? 14 : 8;

machine("hot pages go to DRAM and cold ones to the slow nodes, small, huge and hugetlb ones, and follow when they change places", async () => {
  executable();
  const { stdout, stderr, status } = await inMachine(
    { nodes: { withCpus: 2, memoryOnly: 2 }, memoryMiB: 2048, swap: "none", timeoutMs: 380_000 }, ["sh", "-c", script(BEFORE + AFTER)],
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const text = stdout.toString();
  for (const [name, fast, slow] of [["small", 0, 2], ["huge", 1, 3], ["hugetlb", 0, 2]] as const) {
    const story = storyOf(text, name), shares = story.samples.map((sample) => sharesOf(story.ready, sample, { fast, slow }));
    const [first] = shares, flip = story.samples.findIndex(({ flipped }) => flipped);
    expect(first).toEqual({ hotOnFast: 0, coldOnSlow: 0 });
    expect(flip).toBeGreaterThan(1);
    const placed = (from: number, to: number) => shares.slice(from, to)
      .findIndex(({ hotOnFast, coldOnSlow }) => hotOnFast >= 0.95 && coldOnSlow >= 0.95);
    const rounds = [placed(0, flip), placed(flip, shares.length)] as const;
    console.log(`${name} pages: in place after ${rounds[0]} rounds; when hot and cold have changed places, after ${rounds[1] + 1}`);
    expect(rounds[0]).toBeGreaterThan(0);
    expect(rounds[1]).toBeGreaterThanOrEqual(0);
    expect(shares.at(-1)?.hotOnFast).toBeGreaterThanOrEqual(0.95);
    for (const node of [0, 1, 2, 3]) {
      const [used = 0, hot = 0, cold = 0] = story.shown.get(node) ?? [], counted = story.numaMaps.get(node) ?? 0;
      // Of what the process has in all: the few pages of its runtime come and go meanwhile.
      expect(Math.abs(used - counted)).toBeLessThanOrEqual((story.ready.bytes / 1024) * 0.01);
      expect(hot + cold).toBe(used);
    }
  }
  expect(text).toContain("state refused: vm_flags=ht means hugetlb pages");
  expect(text).toContain("state refused-pair node 7 is not there or has no memory");
});

/** Of the hot and of the cold pages, the part that is where it belongs. */
function sharesOf({ bytes, pageBytes, ...heat }: Ready, { nodes, flipped }: Sample, { fast, slow }: { fast: number; slow: number }) {
  const moving = new MovingHeat(heat, bytes / pageBytes), isHot = new Uint8Array(bytes / pageBytes);
  if (flipped) moving.flip();
  for (const piece of moving.pieces()) for (const page of piece) isHot[page] = 1;
  const hot = isHot.reduce((sum, one) => sum + one, 0);
  let hotOnFast = 0, coldOnSlow = 0;
  nodes.forEach((node, page) => {
    if (isHot[page] === 1 && node === fast) hotOnFast += 1;
    if (isHot[page] === 0 && node === slow) coldOnSlow += 1;
  });
  return { hotOnFast: hotOnFast / hot, coldOnSlow: coldOnSlow / (isHot.length - hot) };
}

function storyOf(text: string, name: string): Story {
  const lines = text.split("\n").map((line) => line.split(" "));
  const of = (what: string) => lines.filter(([kind, whose]) => kind === what && whose === name);
  const blockFrames = parseInt(lines.find(([kind]) => kind === "blocksize")?.[1] ?? "", 16) / 4096;
  const blocks = new Map(lines.filter(([kind]) => kind === "block").map(([, node, block]) => [Number(block), Number(node)]));
  const samples = of("sample").map(([, , round, flipped, base64 = ""]): Sample => {
    const entries = new DataView(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
    // Bit 63 = present, bits 0-54 = page frame. Documentation/admin-guide/mm/pagemap.rst
    const nodes = Int8Array.from({ length: entries.byteLength / 8 }, (_, page) => {
      const entry = entries.getBigUint64(page * 8, true);
      return entry >> 63n === 0n ? -1 : blocks.get(Math.floor(Number(entry & (2n ** 55n - 1n)) / blockFrames)) ?? -1;
    });
    return { round: Number(round), flipped: flipped === "1", nodes };
  });
  return {
    ready: JSON.parse(of("ready")[0]!.slice(2).join(" ")) as Ready, samples,
    shown: new Map(of("shown").map(([, , node, ...kib]) => [Number(node), kib.map(Number)])),
    numaMaps: new Map(of("numa").map(([, , node, pages]) => [Number(node), Number(pages) * 4])),
  };
}

/** Two processes in two tasks of one engine; after each round the page maps of both. */
function script(rounds: number): string {
  return `
echo 0 >/proc/sys/kernel/numa_balancing
echo blocksize $(cat /sys/devices/system/memory/block_size_bytes)
for each in /sys/devices/system/node/node*/memory*; do name=\${each%/*}; echo block \${name##*node} \${each##*memory}; done
workload() {
  name=$1; shift
  etmem workload --size 64M --hot 30% --every 200 --seconds 600 "$@" >/tmp/$name &
  eval "$name=$!"
  until [ -s /tmp/$name ]; do usleep 100000; done
  echo ready $name $(head -1 /tmp/$name)
}
workload small --hot-node 2 --cold-node 0
for node in 0 2; do echo 34 >/sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages; done
workload huge --hot-node 3 --cold-node 1 --thp --pattern chunks
workload hugetlb --hot-node 2 --cold-node 0 --hugetlb --pattern chunks
task() { printf '[task]\\nproject=%s\\nengine=cslide\\nname=%s\\ntype=pid\\nvalue=%s\\nvm_flags=%s\\n' "$@"; }
project() { printf '[project]\\nname=%s\\nloop=1\\ninterval=1\\nsleep=1\\n' $1; }
engine() { printf '[engine]\\nproject=%s\\nname=cslide\\nnode_pair=%s\\nhot_threshold=1\\nnode_mig_quota=64\\nnode_hot_reserve=460\\n' $1 $2; }
{ project vm; engine vm '2,0;3,1'; task vm small $small 'rd wr nh'; task vm huge $huge hg; } >/tmp/vm.conf
{ project ht; engine ht '0,2;1,3'; task ht ht $$ ht; } >/tmp/ht.conf
{ project damon; echo tracker=damon; engine damon '2,0'; task damon hugetlb $hugetlb ht; } >/tmp/damon.conf
{ project bad; engine bad '0,7'; } >/tmp/bad.conf
chmod 600 /tmp/*.conf
etmem daemon -s vm -l 0 2>/tmp/log &
until etmem project show -s vm >/dev/null 2>&1; do usleep 100000; done
sample() {
  for name in small huge hugetlb; do
    eval "pid=\\$$name"
    start=$(sed -n '1s/.*"start":"\\(0x[0-9a-f]*\\)".*/\\1/p' /tmp/$name)
    [ $(wc -l </tmp/$name) -gt 1 ] && flipped=1 || flipped=0
    echo sample $name $1 $flipped $(dd if=/proc/$pid/pagemap bs=4096 skip=$((start / 512 / 4096)) count=32 2>/dev/null | base64 | tr -d '\\n')
  done
}
sample 0
etmem obj add -s vm -f /tmp/bad.conf 2>&1 | sed 's/.*node_pair=0,7: /state refused-pair /'
etmem obj add -s vm -f /tmp/vm.conf && etmem project start -s vm -n vm || exit
etmem obj add -s vm -f /tmp/damon.conf && etmem project start -s vm -n damon || exit
done=0
while [ $done -lt ${rounds} ]; do
  now=$(grep -c "pid=$hugetlb .*outcome=" /tmp/log)
  [ $now -gt $done ] || { usleep 300000; continue; }
  done=$now
  sample $done
  [ $done -ge ${BEFORE} ] && [ -z "$changed" ] && changed=1 && kill -HUP $small $huge $hugetlb
done
etmem project pause -n vm -s vm
etmem project pause -n damon -s vm
for name in small huge hugetlb; do
  eval "pid=\\$$name"
  start=$(sed -n '1s/.*"start":"0x\\([0-9a-f]*\\)".*/\\1/p' /tmp/$name)
  case $name in small) flag=nh project=vm ;; huge) flag=hg project=vm ;; hugetlb) flag=ht project=damon ;; esac
  etmem engine showtaskpages -t $name -n $project -e cslide -s vm | sed -n "3,\\$ s/^ */shown $name /p" | tr -s ' '
  # numa_maps has no flags: of smaps' mappings those with the flag
  awk -v flag=$flag '/^[0-9a-f]+-/ { split($1, a, "-"); start = a[1]; plain = $2 == "rw-p" }
    /^VmFlags/ && plain && $0 ~ " " flag "( |$)" { print start }' /proc/$pid/smaps >/tmp/starts
  for each in $(cat /tmp/starts); do grep "^0*$each " /proc/$pid/numa_maps; done |
    awk -v name=$name '{ pages = $0 ~ /pagesize_kB=2048/ ? 512 : 1 }
      { for (i = 3; i <= NF; i++) if ($i ~ /^N[0-9]+=/) { split(substr($i, 2), a, "="); n[a[1]] += a[2] * pages } }
      END { for (i in n) print "numa", name, i, n[i] }'
done
etmem obj add -s vm -f /tmp/ht.conf && etmem project start -s vm -n ht || exit
until etmem project show -n ht -s vm --json | sed -n 's/^ *"state": "\\(refused: vm_flags=ht.*\\)",$/state \\1/p' | grep .; do usleep 300000; done
`;
}
