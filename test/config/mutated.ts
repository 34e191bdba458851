// Configuration files with a few bytes changed, the same in each run.
import { cslideFile, slideFile, thirdpartyFile } from "./files.ts";
import { randomBelow } from "../../src/memory/random.ts";

/** The n-th mutated file, and whether it is called `.toml`. */
export function mutatedFile(n: number): { readonly bytes: Uint8Array; readonly name: string } {
  const random = randomBelow(n);
  const bytes = mutate(seeds[random(seeds.length)] ?? "", random);
  return { bytes, name: random(8) === 0 ? "a.toml" : "a.conf" };
}

const whole = `${slideFile}\n${cslideFile.replace("name=23456", "value=23456")}\n${thirdpartyFile}`;
const toml = slideFile.replace(/^\[(.*)\]$/gm, "[[$1]]").replace(/^(\w+)=([A-Za-z_]\w*|10g)$/gm, '$1 = "$2"');
const seeds = [slideFile, whole, whole.replaceAll("\n", "\r\n"), toml];
const pieces = [
  "[", "]", "[[", "]]", "=", "\n", "\r\n", "#", ";", "\\", "\\s", "\\q", '"', '"""', "'''", "{", "}", " ", "\t", "-", "0", "ä",
  "\0", "\u0001", "\u2028", "\ufeff", "9".repeat(30), "x".repeat(300), "[task]\n", "[project]\n", "[engine]\n", "project=test\n",
  "engine=cslide\n", "type=pid\n", "name=", "value=", "T=", "__proto__=1\n", "toString=1\n", "constructor.prototype=1\n", "k[de]=1\n",
  "true", "null", "1e400", "2020-01-01", "thirdparty", "damon", "scan_type=psi\n",
];

function mutate(seed: string, random: (below: number) => number): Uint8Array {
  let bytes: Buffer = Buffer.from(seed);
  const lines = seed.split("\n");
  for (let times = random(4) + 1; times > 0; times--) {
    const at = random(bytes.length + 1);
    const length = random(12);
    const parts = [bytes.subarray(0, at), bytes.subarray(at), bytes.subarray(Math.min(at + length, bytes.length))] as const;
    const kind = random(5);
    if (kind === 0) bytes = Buffer.concat([parts[0], Buffer.from(pieces[random(pieces.length)] ?? ""), parts[1]]);
    else if (kind === 1) bytes = Buffer.concat([parts[0], parts[2]]);
    else if (kind === 2) bytes = Buffer.concat([parts[0], Buffer.from([random(256)]), parts[2]]);
    else if (kind === 3) bytes = Buffer.concat([parts[0], Buffer.from(`\n${lines[random(lines.length)] ?? ""}\n`), parts[1]]);
    else bytes = Buffer.concat([bytes, bytes.subarray(at, at + 10 * length)]);
  }
  return bytes;
}
