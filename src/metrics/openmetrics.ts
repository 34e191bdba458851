// Families of metrics as text: OpenMetrics 1.0, and the older Prometheus format that node_exporter's textfile collector reads. Pure.

export type Labels = Readonly<Record<string, string>>;

/** One line of a metric; labels are written in the order in which they stand here. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A distribution as it is now: of everything counted, how much lies at or below each bound. */
export interface Distribution {
  readonly labels: Labels;
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly sum: number;
}

interface Named {
  /** Without `_total` and `_info`, which belong to samples; with its unit as the last word. */
  readonly name: string;
  readonly help: string;
}

export type Family =
  | Named & { readonly kind: "counter" | "gauge"; readonly unit?: "bytes" | "seconds"; readonly samples: readonly Sample[] }
  | Named & { readonly kind: "info"; readonly samples: readonly Sample[] }
  | Distributed<"histogram">
  /** Of what there is now; a histogram is of all that was ever counted. */
  | Distributed<"gaugehistogram">;

type Distributed<Kind extends string> = Named & {
  readonly kind: Kind;
  readonly unit?: "bytes" | "seconds";
  readonly samples: readonly Distribution[];
};

/** `etmem stats --openmetrics`. https://prometheus.io/docs/specs/om/open_metrics_spec/ */
export function openMetricsText(families: readonly Family[]): string {
  const parts = families.filter(hasSamples).map((family) => {
    const { name, kind, help } = family, unit = "unit" in family && family.unit ? [`# UNIT ${name} ${family.unit}`] : [];
    return [`# TYPE ${name} ${kind}`, ...unit, `# HELP ${name} ${escapeLabel(help)}`, ...samplesOf(family, OPEN)];
  });
  return [...parts.flat(), "# EOF", ""].join("\n");
}

/**
 * `etmemd --metrics-file`. The older format has `_total` in the name of the family, no units, no end mark, gauges for infos, and of the
 * distributions only the histogram. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusText(families: readonly Family[]): string {
  return [...prometheusParts(families)].join("");
}

/** The same family by family, for whoever must not be kept long. */
export function* prometheusParts(families: readonly Family[]): Generator<string> {
  for (const family of families.filter(hasSamples)) {
    const { kind, help } = family, name = kind === "counter" ? `${family.name}_total` : kind === "info" ? `${family.name}_info` : family.name;
    const type = kind === "info" ? "gauge" : kind === "gaugehistogram" ? "histogram" : kind;
    yield [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...samplesOf(family, PROMETHEUS), ""].join("\n");
  }
}

const hasSamples = ({ samples }: Family): boolean => samples.length > 0;

interface Format {
  readonly count: string;
  readonly sum: string;
  bound(value: number): string;
}

const OPEN: Format = { count: "gcount", sum: "gsum", bound: (value) => (Number.isInteger(value) ? `${value}.0` : String(value)) };
const PROMETHEUS: Format = { count: "count", sum: "sum", bound: String };

function samplesOf(family: Family, format: Format): string[] {
  if (family.kind === "histogram") return family.samples.flatMap((one) => bucketsOf(family.name, one, { ...format, count: "count", sum: "sum" }));
  if (family.kind === "gaugehistogram") return family.samples.flatMap((one) => bucketsOf(family.name, one, format));
  const name = { counter: `${family.name}_total`, gauge: family.name, info: `${family.name}_info` }[family.kind];
  return family.samples.map(({ labels, value }) => `${name}${labelText(labels)} ${numberText(value)}`);
}

function bucketsOf(name: string, { labels, buckets, sum }: Distribution, format: Format): string[] {
  const bound = (upTo: number): string => (upTo === Infinity ? "+Inf" : format.bound(upTo)), own = labelText(labels);
  const bucket = `${name}_bucket${own === "" ? "{" : `${own.slice(0, -1)},`}le="`;
  const all = buckets.at(-1)?.count ?? 0, ended = buckets.at(-1)?.upTo === Infinity ? buckets : [...buckets, { upTo: Infinity, count: all }];
  return [
    ...ended.map(({ upTo, count }) => `${bucket}${bound(upTo)}"} ${numberText(count)}`),
    `${name}_${format.count}${own} ${numberText(all)}`,
    `${name}_${format.sum}${own} ${numberText(sum)}`,
  ];
}

function labelText(labels: Labels): string {
  let pairs = "";
  for (const name in labels) pairs += `${pairs === "" ? "{" : ","}${name}="${escapeLabel(labels[name] ?? "")}"`;
  return pairs === "" ? "" : `${pairs}}`;
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`a metric cannot be ${value}`);
  return String(value);
}

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
/** Nearly always there is nothing to escape, and thousands of labels. */
const escapeLabel = (text: string): string => (/[\\\n"]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text);
