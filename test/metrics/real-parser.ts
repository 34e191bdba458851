// The parsers of Prometheus' own client library for Python, which see what a scrape would see.
import { needs } from "../needs.ts";

/** A family as the library understood it: samples as name, labels, value. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
  readonly samples: readonly (readonly [string, Readonly<Record<string, string>>, number])[];
}

const SCRIPT = `
import importlib, json, sys
parse = importlib.import_module(sys.argv[1]).text_string_to_metric_families
def plain(f):
    return dict(name=f.name, type=f.type, unit=f.unit, help=f.documentation, samples=[[s.name, s.labels, s.value] for s in f.samples])
print(json.dumps([plain(f) for f in parse(sys.stdin.read())]))
`;

// A system's package is for the system's Python, which need not be the first one in PATH.
const python = ["/usr/bin/python3", "python3"].find((name) =>
  Bun.which(name) !== null && Bun.spawnSync([name, "-c", "import prometheus_client"], { stderr: "ignore" }).success);

/** What is missing for a test that calls it. */
export const missingParser = python === undefined ? "needs python3-prometheus-client" : undefined;

/** A test where the library is there. */
export const withParser = needs(missingParser);

/** What the library makes of OpenMetrics. */
export const parseOpenMetrics = (text: string): ParsedFamily[] => parse("prometheus_client.openmetrics.parser", text);

/** What it makes of the older format. */
export const parsePrometheus = (text: string): ParsedFamily[] => parse("prometheus_client.parser", text);

function parse(module: string, text: string): ParsedFamily[] {
  const { success, stdout, stderr } = Bun.spawnSync([python ?? "", "-c", SCRIPT, module], { stdin: Buffer.from(text), stderr: "pipe" });
  if (!success) throw new Error(`the parser refuses it: ${stderr.toString().trim().split("\n").at(-1)}`);
  return JSON.parse(stdout.toString()) as ParsedFamily[];
}
