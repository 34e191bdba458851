// A plugin host under cgroups v2 of a stock kernel: counted in a threaded group below the daemon's own, which is gone with it.
import { expect, setDefaultTimeout } from "bun:test";
import { executable } from "../e2e/harness.ts";
import { needs } from "../needs.ts";
import { inMachine, missingMachine } from "./vm/machine.ts";

setDefaultTimeout(180_000);
const machine = needs(await missingMachine());

const SCRIPT = `
grep -q cgroup2 /proc/mounts || mount -t cgroup2 none /sys/fs/cgroup
cd /sys/fs/cgroup; mkdir svc; echo +pids >cgroup.subtree_control; echo $$ >svc/cgroup.procs; cd svc
printf 'export const policy = { decide: () => undefined };\\n' >/tmp/p.js; chmod 500 /tmp/p.js
cat >/tmp/conf <<END
[project]
name=p
loop=1
interval=1
sleep=1
[engine]
name=thirdparty
project=p
eng_name=e
libname=/tmp/p.js
ops_name=policy
END
chmod 600 /tmp/conf
etmem daemon -s s -l 3 & until etmem project show -s s >/tmp/out 2>&1; do usleep 100000; done
etmem obj add -f /tmp/conf -s s
for group in etmem-plugin-*; do
  host=\${group#etmem-plugin-}; cat $group/cgroup.type $group/pids.max; grep -c . $group/cgroup.threads >/tmp/n && echo counted
  grep -q "/svc/$group" /proc/$host/cgroup && echo in it; awk -v host=$host '/^Uid/ { print $2 - host, $3 - $2, $4 - $2, $5 - $2 }' /proc/$host/status
done
etmem obj del -f /tmp/conf -s s
until ! ls -d etmem-plugin-* >/tmp/out 2>&1; do usleep 100000; done; echo gone`;

machine("a plugin host is counted in a group of its own under cgroups v2, and the group goes with it", async () => {
  executable();
  const { status, stdout, stderr } = await inMachine({}, ["sh", "-c", SCRIPT]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.toString()).toBe("threaded\n128\ncounted\nin it\n2113929216 0 0 0\ngone\n");
});
