import { labelText } from './label-text.ts';

/** One number for each column. */
export type Row = number[];

/** A tally as it crosses a process boundary. */
export interface TallyData {
  /**
   * Each row's labels as `labelText` has them, several rows a text, one a line: a few texts are received ten times as
   * fast as ten thousand.
   */
  readonly labels: readonly string[];
  /** Those that are not zero in every row. */
  readonly columns: readonly number[];
  /** Row after row, of these columns. */
  readonly values: Float64Array;
}

/** So many rows are read in one step. */
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
  readonly #labelNames: readonly string[];
  readonly #width: number;
  readonly #root: Branch = { branches: undefined, row: undefined };
  /** In the order in which they were met first. */
  readonly #rows: Row[] = [];
  /** Of every `rowsPerStep` rows that are full. */
  readonly #fullLabels: string[] = [];
  /** Of the rows after those. */
  #labels: string[] = [];

  constructor(labelNames: readonly string[], width: number) {
    this.#labelNames = labelNames;
    this.#width = width;
  }

  /** How many combinations were met. */
  get rowCount(): number {
    return this.#rows.length;
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

  /** By steps: rows that come meanwhile are left out. */
  *toData(): Generator<void, TallyData> {
    const rowCount = this.#rows.length;
    const labels = [...this.#fullLabels];
    if (this.#labels.length > 0) labels.push(this.#labels.join('\n'));
    const columns = yield* this.#usedColumns(rowCount);
    const values = new Float64Array(rowCount * columns.length);
    let at = 0;
    for (let i = 0; i < rowCount; i++) {
      const row = this.#rows[i] ?? [];
      for (const column of columns) values[at++] = row[column] ?? 0;
      if (i % rowsPerStep === 0) yield;
    }
    return { labels, columns, values };
  }

  *#usedColumns(rowCount: number): Generator<void, number[]> {
    const isUsed = new Uint8Array(this.#width);
    for (let i = 0; i < rowCount; i++) {
      const row = this.#rows[i] ?? [];
      for (let column = 0; column < row.length; column++) if (row[column] !== 0) isUsed[column] = 1;
      if (i % rowsPerStep === 0) yield;
    }
    return Array.from(isUsed.keys()).filter((column) => isUsed[column] === 1);
  }

  #newRow(labels: readonly string[]): Row {
    const row = new Array<number>(this.#width).fill(0);
    this.#rows.push(row);
    if (this.#labels.push(labelText(this.#labelNames, labels)) === rowsPerStep) {
      this.#fullLabels.push(this.#labels.join('\n'));
      this.#labels = [];
    }
    return row;
  }
}
