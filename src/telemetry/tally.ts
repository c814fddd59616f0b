/** One number for each column. */
export type Row = number[];

export interface TallyRow {
  readonly labels: readonly string[];
  readonly row: Row;
}

/** A tally as it crosses a process boundary. */
export interface TallyData {
  /**
   * JSON, a list of label lists for every so many rows: a few texts are received ten times as fast as ten thousand
   * small lists.
   */
  readonly labels: readonly string[];
  /** Those that are not zero in every row. */
  readonly columns: readonly number[];
  /** Row after row, of these columns. */
  readonly values: Float64Array;
}

/** So many rows are read or written in one step. */
const rowsPerStep = 100;

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
  /** Of every `rowsPerStep` rows that are full. */
  readonly #labelsJson: string[] = [];
  /** The rows of label lists that were added since `clear`, and of those before it: senders repeat themselves. */
  #known = new Map<string, readonly Row[]>();
  #knownBefore = this.#known;

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

  /** Adds every row of another one's data, by steps. */
  *add({ labels, columns, values }: TallyData): Generator<void> {
    let start = 0;
    for (const json of labels) {
      for (const row of this.#rowsOf(json)) {
        for (const column of columns) row[column] = (row[column] ?? 0) + (values[start++] ?? 0);
      }
      yield;
    }
  }

  /** Sets every number to zero and keeps the rows, by steps. */
  *clear(): Generator<void> {
    this.#knownBefore = this.#known;
    this.#known = new Map();
    for (const [i, { row }] of this.#rows.entries()) {
      row.fill(0);
      if (i % rowsPerStep === 0) yield;
    }
  }

  #rowsOf(json: string): readonly Row[] {
    let rows = this.#known.get(json) ?? this.#knownBefore.get(json);
    rows ??= (JSON.parse(json) as readonly (readonly string[])[]).map((labels) => this.row(...labels));
    this.#known.set(json, rows);
    return rows;
  }

  /** By steps: rows that come meanwhile are left out. */
  *toData(): Generator<void, TallyData> {
    const rowCount = this.#rows.length;
    const columns = yield* this.#usedColumns(rowCount);
    const values = new Float64Array(rowCount * columns.length);
    const labels: string[] = [];
    let at = 0;
    for (let start = 0; start < rowCount; start += rowsPerStep) {
      const rows = this.#rows.slice(start, Math.min(start + rowsPerStep, rowCount));
      for (const { row } of rows) for (const column of columns) values[at++] = row[column] ?? 0;
      labels.push(this.#labelsOf(start / rowsPerStep, rows));
      yield;
    }
    return { labels, columns, values };
  }

  *#usedColumns(rowCount: number): Generator<void, number[]> {
    const isUsed = new Uint8Array(this.width);
    for (let i = 0; i < rowCount; i++) {
      const row = this.#rows[i]?.row ?? [];
      for (let column = 0; column < row.length; column++) if (row[column] !== 0) isUsed[column] = 1;
      if (i % rowsPerStep === 0) yield;
    }
    return Array.from(isUsed.keys()).filter((column) => isUsed[column] === 1);
  }

  #labelsOf(step: number, rows: readonly TallyRow[]): string {
    const known = this.#labelsJson[step];
    if (known !== undefined) return known;
    const json = JSON.stringify(rows.map(({ labels }) => labels));
    if (rows.length === rowsPerStep) this.#labelsJson[step] = json;
    return json;
  }

  #newRow(labels: readonly string[]): Row {
    const row = new Array<number>(this.width).fill(0);
    this.#rows.push({ labels, row });
    return row;
  }
}
