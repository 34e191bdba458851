// The tracker `damon` on a stock kernel where nobody else uses DAMON; and that it never stays on.
import { expect, setDefaultTimeout } from "bun:test";
import { executable } from "../e2e/harness.ts";
import { needs, notLong } from "../needs.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(180_000);
const machine = needs(notLong() ?? await missingMachine());

/** The lines that a script prints in the machine; its errors are a failure. */
async function lines(text: string): Promise<string[]> {
  executable();
  const { status, stdout, stderr } = await inMachine({}, ["sh", "-c", PARTS + text]);
  expect({ status, stderr: stderr.replaceAll("Killed\n", "") }).toEqual({ status: 0, stderr: "" });
  return stdout.toString().trimEnd().split("\n");
}

machine("damon tells hot chunks from cold ones, says what it is, and takes its slots away", async () => {
  const [scan = "", hugetlb = "", ...rest] = await lines(`
echo 40 >/proc/sys/vm/nr_hugepages
for kind in "" --hugetlb; do
  workload --size 64M --pattern chunks --hot 25 $kind
  if [ -z "$kind" ]; then etmem probe scan damon </tmp/workload; else watch_hugetlb; fi
  kill $pid; wait $pid; rm /tmp/workload
done
etmem doctor | grep '  damon '; cat $slots/nr_kdamonds`);
  expect(JSON.parse(scan)).toMatchObject({ tracker: "damon", precision: 1, recall: 1 });
  expect(hugetlb).toBe("24 of 24 cold and 0 of 8 hot huge pages are quiet");
  expect(rest.join("\n")).toMatch(/^ +damon +yes +region-exact, .*\n0$/);
});

machine("damon is off after project stop, after kill -9 of the daemon, and at the next start where its guard was killed, too", async () => {
  const told = await lines(`
workload --size 64M --pattern chunks
project damon; daemon one
until on; do usleep 50000; done; echo on
etmem project stop -s one -n vm; off within 20 && echo off after stop
etmem project start -s one -n vm; until on; do usleep 50000; done
kill -9 $daemon; off within 60 && echo off after kill
sed -i s/interval=1/interval=30/ /tmp/conf
daemon two; until tells two '"state": "scanning"' && on; do usleep 100000; done
kill -9 $(guard) $daemon; usleep 3000000; on && echo on without its guard
sed -i s/interval=30/interval=1/ /tmp/conf
daemon three; until tells three '"outcome": "done"'; do usleep 100000; done; echo works again
etmem project stop -s three -n vm; off within 20 && echo off again
kill $daemon; wait $daemon; cat $slots/nr_kdamonds`);
  expect(told).toEqual(["on", "off after stop", "off after kill", "on without its guard", "works again", "off again", "0"]);
});

machine("damon refuses where somebody else has DAMON's slots, and leaves them as they are", async () => {
  const [refused = "", ...left] = await lines(`
workload --size 64M
echo 2 >$slots/nr_kdamonds; echo 1 >$slots/1/contexts/nr_contexts
project damon; daemon one
until tells one refused; do usleep 100000; done
etmem project show -s one -n vm --json | grep -o 'refused: [^"]*'
kill $daemon; wait $daemon
cat $slots/nr_kdamonds $slots/1/contexts/nr_contexts`);
  expect(refused).toMatch(/^refused: tracker=damon cannot be used here: DAMON's slots are in use by somebody else \(2 in sysfs\)/);
  expect(left).toEqual(["2", "1"]);
});

/** Shell functions for the machine. */
const PARTS = `
slots=/sys/kernel/mm/damon/admin/kdamonds
workload() {
  etmem workload --seconds 150 "$@" >/tmp/workload &
  pid=$!
  until [ -s /tmp/workload ]; do usleep 50000; done
}
project() {
  cat >/tmp/conf <<CONF
[project]
name=vm
loop=1
interval=1
sleep=1
tracker=$1
[engine]
name=slide
project=vm
[task]
project=vm
engine=slide
name=t
type=pid
value=$pid
T=1
CONF
  chmod 600 /tmp/conf
}
daemon() {
  etmem daemon -s $1 2>/tmp/log &
  daemon=$!
  until etmem project show -s $1 >/dev/null 2>&1; do usleep 50000; done
  etmem obj add -s $1 -f /tmp/conf && etmem project start -s $1 -n vm
}
tells() { etmem project show -s $1 -n vm --json | grep -q "$2"; }
on() { grep -q on $slots/*/state 2>/dev/null; }
off() { # within N tenths of a second
  left=$2
  while on; do [ $left -gt 0 ] || return 1; left=$((left - 1)); usleep 100000; done
}
guard() {
  for folder in /proc/[0-9]*; do cat $folder/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q '^/bin/sh -c trap' && echo \${folder#/proc/}; done
}
watch_hugetlb() {
  start=$(($(sed 's/.*"start":"\\(0x[0-9a-f]*\\)".*/\\1/' /tmp/workload)))
  echo 1 >$slots/nr_kdamonds; echo 1 >$slots/0/contexts/nr_contexts
  context=$slots/0/contexts/0; scheme=$context/schemes/0
  echo fvaddr >$context/operations
  echo 50000 >$context/monitoring_attrs/intervals/sample_us; echo 450000 >$context/monitoring_attrs/intervals/aggr_us
  echo 32 >$context/monitoring_attrs/nr_regions/min; echo 32 >$context/monitoring_attrs/nr_regions/max
  echo 1 >$context/targets/nr_targets; echo $pid >$context/targets/0/pid_target; echo 32 >$context/targets/0/regions/nr_regions
  page=0
  while [ $page -lt 32 ]; do
    echo $((start + page * 2097152)) >$context/targets/0/regions/$page/start
    echo $((start + (page + 1) * 2097152)) >$context/targets/0/regions/$page/end
    page=$((page + 1))
  done
  echo 1 >$context/schemes/nr_schemes; echo stat >$scheme/action
  echo 18446744073709551615 >$scheme/access_pattern/sz/max
  echo 4294967295 >$scheme/access_pattern/nr_accesses/max; echo 4294967295 >$scheme/access_pattern/age/max
  echo on >$slots/0/state; usleep 3000000; echo update_schemes_tried_regions >$slots/0/state
  # Which of the 32 are hot follows from the pattern's seed.
  hot=" 1 12 14 15 17 21 22 31 " cold_quiet=0 hot_quiet=0
  for region in $scheme/tried_regions/[0-9]*; do
    page=$((($(cat $region/start) - start) / 2097152))
    [ $(cat $region/nr_accesses) = 0 ] || continue
    case $hot in *" $page "*) hot_quiet=$((hot_quiet + 1)) ;; *) cold_quiet=$((cold_quiet + 1)) ;; esac
  done
  echo off >$slots/0/state; echo 0 >$slots/nr_kdamonds
  echo "$cold_quiet of 24 cold and $hot_quiet of 8 hot huge pages are quiet"
}
`;
