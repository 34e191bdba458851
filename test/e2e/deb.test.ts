// The package for Debian: built twice, looked at, and installed, upgraded, removed and purged by dpkg on a copy of this machine's root.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { missingPrograms, needs, notRoot } from "../needs.ts";
import { executable } from "./harness.ts";
import { output, run } from "./package-root.ts";

const project = join(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "etmem-deb-test-"));
const arch = process.arch === "arm64" ? ["aarch64", "arm64"] as const : ["x86_64", "amd64"] as const;
const debOf = (out: string, release: string): string => join(folder, out, `etmem_${packageJson.version}-${release}_${arch[1]}.deb`);
const deb = debOf("one", "2");
const missing = missingPrograms("dpkg-deb", "cc");
const noDebian = existsSync("/var/lib/dpkg/status") ? undefined : "needs a machine of Debian's";
const packaged = needs(missing);
const installed = needs(notRoot() ?? missing ?? missingPrograms("dpkg", "unshare", "mount") ?? noDebian);

/** Not compressed: it is the files that are looked at. */
async function build(out: string, release: string): Promise<void> {
  const words = ["--arch", arch[0], "--compression", "none", "--release", release, "--out", join(folder, out)];
  await output([process.execPath, join(project, "tools/deb.ts"), ...words], { SOURCE_DATE_EPOCH: "1790000000" });
}

beforeAll(async () => {
  executable();
  if (missing === undefined) await build("one", "2");
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the Debian package", () => {
  packaged("is the same bytes when it is built again", async () => {
    await build("two", "2");
    expect(readFileSync(debOf("two", "2")).equals(readFileSync(deb))).toBe(true);
  });

  packaged("has the files of the RPM, and says what it needs", async () => {
    const list = (await output(["dpkg-deb", "-c", deb])).trim().split("\n").map((line) => line.split(/\s+/));
    expect(list.filter(([, owner]) => owner !== "root/root")).toEqual([]);
    const modes = new Map(list.map(([mode = "", , , , , path = ""]) => [path.slice(1), mode]));
    expect([modes.get("/usr/bin/etmem"), modes.get("/etc/etmem/conf.d/"), modes.get("/etc/etmem/slide_conf.yaml"), modes.get("/var/lib/etmem/")])
      .toEqual(["-rwxr-xr-x", "drwxr-x---", "-rw-------", "drwx------"]);
    const library = `/usr/lib/${arch[0]}-linux-gnu/libetmemd_scan.so`;
    expect([modes.get(library), modes.get("/usr/include/etmem.h")]).toEqual(["-rwxr-xr-x", "-rw-r--r--"]);
    const spec = readFileSync(join(project, "rpm/etmem.spec"), "utf8");
    for (const name of ["etmemd.service", "etmem-modules.service", "_etmem", "etmem.fish", "etmem.conf.5.gz"]) {
      expect(spec).toContain(name);
      expect([...modes.keys()].some((path) => path.endsWith(`/${name}`))).toBe(true);
    }
    expect(await output(["dpkg-deb", "-f", deb, "Depends", "Version", "Architecture"])).toBe(
      `Depends: libc6 (>= 2.17)\nVersion: ${packageJson.version}-2\nArchitecture: ${arch[1]}\n`,
    );
  });
});

/** Each answer is a line "name: value". */
const LIFE = `
dpkg --force-unsafe-io -i "$1" >/dev/null && echo "install: $(etmem --version)"
echo "verify: $(dpkg -V etmem)"
echo "# changed" >>/etc/etmem/slide_conf.yaml
: >/etc/etmem/conf.d/own.conf
mkdir -p /var/lib/etmem && : >/var/lib/etmem/state.json
dpkg --force-unsafe-io -i "$2" >/dev/null
echo "upgrade: $(dpkg-query -W -f '\${Version}' etmem) $(tail -1 /etc/etmem/slide_conf.yaml) $(ls /var/lib/etmem)"
dpkg -r etmem >/dev/null 2>&1; echo "removed: $(ls /usr/bin/etmem /var/lib/etmem 2>/dev/null) $(ls /etc/etmem | tr '\\n' ' ')"
dpkg -P etmem >/dev/null 2>&1; echo "purged: $(find /etc/etmem | tr '\\n' ' ')"
`;

/** dpkg works on a copy of / that is gone with the namespace. */
const COPY = `
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind "$2" "$1/root/mnt"
shift 2
exec chroot "$@"
`;

installed("dpkg installs it, upgrades it with a changed example and the daemon's state kept, removes and purges it", async () => {
  await build("one", "1");
  const place = join(folder, "place");
  mkdirSync(place);
  const inside = (release: string): string => debOf("one", release).replace(join(folder, "one"), "/mnt");
  const words = [place, join(folder, "one"), join(place, "root"), "sh", "-c", LIFE, "sh", inside("1"), inside("2")];
  const { stdout, stderr } = await run(["unshare", "--mount", "--propagation", "private", "sh", "-c", COPY, "sh", ...words]);
  expect({ lines: stdout.trimEnd().split("\n").map((line) => line.trimEnd()), stderr }).toEqual({
    lines: [
      `install: ${packageJson.version}`,
      "verify:",
      `upgrade: ${packageJson.version}-2 # changed state.json`,
      "removed:  conf.d cslide_conf.yaml slide_conf.yaml thirdparty_conf.yaml",
      "purged: /etc/etmem /etc/etmem/conf.d /etc/etmem/conf.d/own.conf",
    ],
    stderr: "",
  });
});
