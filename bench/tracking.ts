// bun bench/tracking.ts [SIZE]: precision, recall and cost of the tracker on workloads that know their truth.
import { Lab } from "../test/e2e/harness.ts";
import { track, type Tracked } from "../src/memory/measured-scan.ts";
import { median, realMemory } from "./measure.ts";

const [size = "1G"] = process.argv.slice(2);
const lab = new Lab(), memory = await realMemory();
const figures = ({ precision, recall, userMsPerGiB, systemMsPerGiB, heatBytes, residentPages }: Tracked) =>
  `precision ${precision.toFixed(5)}  recall ${recall.toFixed(5)}  CPU ms/GiB ${(userMsPerGiB + systemMsPerGiB).toFixed(1)}` +
  ` (user ${userMsPerGiB.toFixed(1)}, system ${systemMsPerGiB.toFixed(1)})  heat map ${(heatBytes / residentPages).toFixed(2)} bytes/page`;

try {
  console.log(`tracker ${memory.sight.tracker}, ${size}, windows of 1 s, 10 % hot`);
  for (const pattern of ["contiguous", "chunks", "scatter"]) {
    for (const thp of [[], ["--thp"]]) {
      const workload = await lab.workload(["--size", size, "--pattern", pattern, ...thp]);
      const rounds: Tracked[] = [];
      for (let round = 0; round < 4; round++) rounds.push(await track(memory, workload, { windows: 2, threshold: 1 }, 1000));
      const name = `${pattern}${thp.length ? " THP" : ""}`.padEnd(15);
      console.log(`${name} first scan  ${figures(rounds[0]!)}`);
      const next = rounds.slice(1).map(({ userMsPerGiB, systemMsPerGiB }) => userMsPerGiB + systemMsPerGiB);
      console.log(`${"".padEnd(15)} next scans  CPU ms/GiB ${next.map((ms) => ms.toFixed(1)).join(", ")}; median ${median(next).toFixed(1)}`);
      await workload.stop();
    }
  }
  const sparse = await lab.workload(["--size", "100M", "--pattern", "scatter", "--reserve", "1T"]);
  const walls: number[] = [];
  for (let i = 0; i < 7; i++) walls.push((await track(memory, sparse, { windows: 0, threshold: 1 }, 0)).wallMs);
  console.log(`1 TiB reserved, 100 MiB resident: survey and clearing ${walls.map((ms) => ms.toFixed(1)).join(", ")} ms`);
} finally {
  await lab.close();
}
