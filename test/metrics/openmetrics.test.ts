import { describe, expect, test } from "bun:test";
import { openMetricsText, prometheusText, type Family } from "../../src/metrics/openmetrics.ts";
import { parseOpenMetrics, parsePrometheus, withParser } from "./real-parser.ts";

const NASTY = 'a"b\\c\nd, {~}';

const FAMILIES: readonly Family[] = [
  { name: "x_build", kind: "info", help: 'Which "version".', samples: [{ labels: { version: "2" }, value: 1 }] },
  { name: "x_moved_bytes", kind: "counter", unit: "bytes", help: "Moved.\nReally.", samples: [
    { labels: { task: NASTY, a: "1" }, value: 2 ** 53 - 1 }, { labels: { task: "b", a: "1" }, value: 0.5 },
  ] },
  { name: "x_now", kind: "gauge", help: "Now.", samples: [{ labels: {}, value: 0 }] },
  { name: "x_nothing", kind: "gauge", help: "Not here.", samples: [] },
  { name: "x_age_bytes", kind: "gaugehistogram", unit: "bytes", help: "Ages.", samples: [
    { labels: { task: "b" }, buckets: [{ upTo: 10, count: 3 }, { upTo: 0.25e3, count: 7 }], sum: 20 },
  ] },
];

test("OpenMetrics is written as its specification says", () => {
  expect(openMetricsText(FAMILIES)).toBe(String.raw`# TYPE x_build info
# HELP x_build Which \"version\".
x_build_info{version="2"} 1
# TYPE x_moved_bytes counter
# UNIT x_moved_bytes bytes
# HELP x_moved_bytes Moved.\nReally.
x_moved_bytes_total{task="a\"b\\c\nd, {~}",a="1"} 9007199254740991
x_moved_bytes_total{task="b",a="1"} 0.5
# TYPE x_now gauge
# HELP x_now Now.
x_now 0
# TYPE x_age_bytes gaugehistogram
# UNIT x_age_bytes bytes
# HELP x_age_bytes Ages.
x_age_bytes_bucket{task="b",le="10.0"} 3
x_age_bytes_bucket{task="b",le="250.0"} 7
x_age_bytes_bucket{task="b",le="+Inf"} 7
x_age_bytes_gcount{task="b"} 7
x_age_bytes_gsum{task="b"} 20
# EOF
`);
});

test("the older format is written as its own says", () => {
  expect(prometheusText(FAMILIES)).toBe(String.raw`# HELP x_build_info Which "version".
# TYPE x_build_info gauge
x_build_info{version="2"} 1
# HELP x_moved_bytes_total Moved.\nReally.
# TYPE x_moved_bytes_total counter
x_moved_bytes_total{task="a\"b\\c\nd, {~}",a="1"} 9007199254740991
x_moved_bytes_total{task="b",a="1"} 0.5
# HELP x_now Now.
# TYPE x_now gauge
x_now 0
# HELP x_age_bytes Ages.
# TYPE x_age_bytes histogram
x_age_bytes_bucket{task="b",le="10"} 3
x_age_bytes_bucket{task="b",le="250"} 7
x_age_bytes_bucket{task="b",le="+Inf"} 7
x_age_bytes_count{task="b"} 7
x_age_bytes_sum{task="b"} 20
`);
});

test.each([NaN, Infinity])("%p is no value of a metric", (value) => {
  expect(() => openMetricsText([{ name: "x", kind: "gauge", help: "", samples: [{ labels: {}, value }] }])).toThrow(RangeError);
});

describe("read by the client library of Prometheus", () => {
  withParser("OpenMetrics gives back names, types, units, texts and values", () => {
    const [build, moved, now, age, ...others] = parseOpenMetrics(openMetricsText(FAMILIES));
    expect(others).toEqual([]);
    expect(build).toMatchObject({ name: "x_build", type: "info", help: 'Which "version".' });
    expect(moved).toEqual({ name: "x_moved_bytes", type: "counter", unit: "bytes", help: "Moved.\nReally.", samples: [
      ["x_moved_bytes_total", { task: NASTY, a: "1" }, 2 ** 53 - 1], ["x_moved_bytes_total", { task: "b", a: "1" }, 0.5],
    ] });
    expect(now?.samples).toEqual([["x_now", {}, 0]]);
    expect([age?.type, age?.samples.map(([, labels, value]) => [labels["le"] ?? null, value])]).toEqual([
      "gaugehistogram", [["10.0", 3], ["250.0", 7], ["+Inf", 7], [null, 7], [null, 20]],
    ]);
  });

  withParser("so does the older format", () => {
    const families = parsePrometheus(prometheusText(FAMILIES));
    expect(families.map(({ name, type }) => [name, type])).toEqual([
      ["x_build_info", "gauge"], ["x_moved_bytes", "counter"], ["x_now", "gauge"], ["x_age_bytes", "histogram"],
    ]);
    expect(families[1]?.samples[0]).toEqual(["x_moved_bytes_total", { task: NASTY, a: "1" }, 2 ** 53 - 1]);
  });

  withParser("a text without its end is refused, so the parser does look", () => {
    expect(() => parseOpenMetrics(openMetricsText(FAMILIES).replace("# EOF\n", ""))).toThrow("Missing # EOF");
  });
});
