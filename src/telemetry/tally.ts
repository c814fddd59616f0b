/** One number for each column. */
export type Row = number[];

export interface TallyRow {
  readonly labels: readonly string[];
  readonly row: Row;
}

/** A tally as it crosses a process boundary. */
export interface TallyData {
  /** A list of lists as JSON: as one text it is received ten times as fast as ten thousand small lists. */
  readonly labels: string;
  /** Row after row. */
  readonly values: Float64Array;
}

interface Branch {
  branches: Map<string, Branch> | undefined;
  row: Row | undefined;
}

/**
 * Numbers by label values: a row of `width` counters for each combination that was met. Finding a row takes a look-up
 * for each label, and makes no string.
 */
export class Tally {
  readonly width: number;
  readonly #root: Branch = { branches: undefined, row: undefined };
  readonly #rows: TallyRow[] = [];
  /** Of the labels of all rows, where no row has come since it was made. */
  #labelsJson: string | undefined;

  constructor(width: number) {
    this.width = width;
  }

  /** In the order in which they were met first. */
  get rows(): readonly TallyRow[] {
    return this.#rows;
  }

  /** The row itself, for adding to it: zeros where it is new. */
  row(...labels: readonly string[]): Row {
    let branch = this.#root;
    for (const label of labels) {
      branch.branches ??= new Map();
      let next = branch.branches.get(label);
      if (next === undefined) {
        next = { branches: undefined, row: undefined };
        branch.branches.set(label, next);
      }
      branch = next;
    }
    branch.row ??= this.#newRow(labels);
    return branch.row;
  }

  /** Adds every row of another one's data. */
  add({ labels, values }: TallyData): void {
    let start = 0;
    for (const each of JSON.parse(labels) as readonly (readonly string[])[]) {
      const row = this.row(...each);
      for (let column = 0; column < this.width; column++) {
        row[column] = (row[column] ?? 0) + (values[start + column] ?? 0);
      }
      start += this.width;
    }
  }

  toData(): TallyData {
    const values = new Float64Array(this.#rows.length * this.width);
    let start = 0;
    for (const { row } of this.#rows) {
      values.set(row, start);
      start += this.width;
    }
    this.#labelsJson ??= JSON.stringify(this.#rows.map(({ labels }) => labels));
    return { labels: this.#labelsJson, values };
  }

  #newRow(labels: readonly string[]): Row {
    const row = new Array<number>(this.width).fill(0);
    this.#rows.push({ labels, row });
    this.#labelsJson = undefined;
    return row;
  }
}
