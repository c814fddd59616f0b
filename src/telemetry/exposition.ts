import type { Bounds } from './histogram.ts';
import { labelText } from './label-text.ts';
import type { MetricFamily } from './metric-families.ts';

/** Joined while they are young: the pieces that text is put together from cost the collector more than the writing. */
const piecesPerChunk = 4_000;

/** Writes the row of a `TallySum` that begins at `at`. */
export type WriteRow = (labels: string, values: Float64Array, at: number) => void;

/** What a line has around its row's labels: the line break before it is here, so that a value is a piece of its own. */
interface Line {
  readonly head: string;
  readonly tail: string;
}

/**
 * Metrics in the Prometheus text format 0.0.4. prom-client writes the same, at twenty times the cost: 10,000 routes with
 * their histograms are 120,000 lines.
 */
export class Exposition {
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #chunks: Uint8Array[] = [];
  #pieces: (string | number)[] = [];

  /** `wanted`: the names of metrics that are written; undefined: all. */
  constructor(wanted?: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  /** All that has been written; to be asked for once. */
  chunks(): Uint8Array[] {
    this.#endChunk();
    const [first, ...others] = this.#chunks;
    if (first === undefined || first.length === 0) return [];
    return [first.subarray('\n'.length), ...others, Buffer.from('\n')];
  }

  /** Begins a metric; its samples follow, where it is wanted. */
  family({ name, type, help }: MetricFamily): boolean {
    if (this.#wanted?.has(name) === false) return false;
    this.#pieces.push(`\n# HELP ${name} ${help}\n# TYPE ${name} ${type}`);
    return true;
  }

  /** `values` are those of the family's labels, in their order. */
  sample({ name, labels }: MetricFamily, values: readonly string[], value: number): void {
    const { head, tail } = line(name, labels.length > 0, '');
    this.#push(head, labelText(labels, values), tail, value);
  }

  /** Rows with a column for each value of the family's last label. */
  columns({ name, labels }: MetricFamily, values: readonly string[], zeros: 'shown' | 'left out'): WriteRow {
    const own = labels.slice(-1);
    const lines = values.map((value) => line(name, labels.length > 1, labelText(own, [value])));
    return this.#rows(lines, zeros === 'shown');
  }

  /** Rows of one column. */
  single({ name, labels }: MetricFamily): WriteRow {
    return this.#rows([line(name, labels.length > 0, '')], true);
  }

  /** Rows as `observe` fills them. */
  histogram({ name, labels }: MetricFamily, bounds: Bounds): WriteRow {
    const isLabelled = labels.length > 0;
    const buckets = [...bounds, '+Inf'].map((bound) => line(`${name}_bucket`, isLabelled, `le="${bound}"`));
    const [ofSum, ofCount] = [line(`${name}_sum`, isLabelled, ''), line(`${name}_count`, isLabelled, '')];
    return (text, values, at) => {
      let count = 0;
      let column = at;
      for (const { head, tail } of buckets) {
        count += values[column++] ?? 0;
        this.#push(head, text, tail, count);
      }
      this.#push(ofSum.head, text, ofSum.tail, values[column] ?? 0);
      this.#push(ofCount.head, text, ofCount.tail, count);
    };
  }

  #rows(lines: readonly Line[], showsZeros: boolean): WriteRow {
    return (text, values, at) => {
      let column = at;
      for (const { head, tail } of lines) {
        const value = values[column++] ?? 0;
        if (value !== 0 || showsZeros) this.#push(head, text, tail, value);
      }
    };
  }

  #push(head: string, labels: string, tail: string, value: number): void {
    if (this.#pieces.push(head, labels, tail, value) >= piecesPerChunk) this.#endChunk();
  }

  #endChunk(): void {
    this.#chunks.push(Buffer.from(this.#pieces.join('')));
    this.#pieces = [];
  }
}

/** `own`: labels beside the row's. */
function line(name: string, hasRowLabels: boolean, own: string): Line {
  if (own === '') return hasRowLabels ? { head: `\n${name}{`, tail: '} ' } : { head: `\n${name}`, tail: ' ' };
  return { head: `\n${name}{`, tail: `${hasRowLabels ? ',' : ''}${own}} ` };
}
