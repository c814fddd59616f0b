/** One sample of a metric in the Prometheus text format. */
export interface MetricSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const sampleLine = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)",?/g;
const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** What is no sample is left out. */
export function* parseMetrics(text: string): Generator<MetricSample> {
  for (const line of text.split('\n')) {
    const [, name, inner = '', value] = sampleLine.exec(line) ?? [];
    if (name === undefined) continue;
    const labels = new Map<string, string>();
    for (const [, key = '', written = ''] of inner.matchAll(label)) {
      labels.set(
        key,
        written.replace(/\\["n\\]/g, (pair) => escapes[pair] ?? pair),
      );
    }
    yield { name, labels, value: Number(value) };
  }
}
