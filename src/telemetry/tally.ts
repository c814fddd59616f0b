/**
 * Numbers by label values: a row of `width` counters for each combination that was met. Finding a row takes a look-up
 * for each label, and makes no string.
 */
export class Tally {
  readonly width: number;
  readonly #root: Branch = { branches: new Map(), row: undefined };

  constructor(width: number) {
    this.width = width;
  }

  /** The row itself, for adding to it: zeros where it is new. */
  row(...labels: readonly string[]): Float64Array {
    let branch = this.#root;
    for (const label of labels) {
      let next = branch.branches.get(label);
      if (next === undefined) {
        next = { branches: new Map(), row: undefined };
        branch.branches.set(label, next);
      }
      branch = next;
    }
    branch.row ??= new Float64Array(this.width);
    return branch.row;
  }

  *rows(): Generator<TallyRow> {
    yield* rowsUnder(this.#root, []);
  }

  /** The rows whose first label is this. */
  *rowsUnder(first: string): Generator<TallyRow> {
    const branch = this.#root.branches.get(first);
    if (branch !== undefined) yield* rowsUnder(branch, [first]);
  }

  /** Adds every row of another one's data. */
  add({ labels, values }: TallyData): void {
    for (const [i, each] of labels.entries()) {
      const row = this.row(...each);
      const start = i * this.width;
      for (let column = 0; column < this.width; column++) {
        row[column] = (row[column] ?? 0) + (values[start + column] ?? 0);
      }
    }
  }

  toData(): TallyData {
    const rows = [...this.rows()];
    const values = new Float64Array(rows.length * this.width);
    for (const [i, { row }] of rows.entries()) values.set(row, i * this.width);
    return { labels: rows.map(({ labels }) => labels), values };
  }
}

export interface TallyRow {
  readonly labels: readonly string[];
  readonly row: Float64Array;
}

/** A tally as it crosses a process boundary: the rows' values one after the other. */
export interface TallyData {
  readonly labels: readonly (readonly string[])[];
  readonly values: Float64Array;
}

interface Branch {
  readonly branches: Map<string, Branch>;
  row: Float64Array | undefined;
}

function* rowsUnder({ branches, row }: Branch, labels: readonly string[]): Generator<TallyRow> {
  if (row !== undefined) yield { labels, row };
  for (const [label, branch] of branches) yield* rowsUnder(branch, [...labels, label]);
}
