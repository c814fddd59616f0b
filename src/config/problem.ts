import { type Fault, formatPath } from './finding.ts';

/** Something that keeps a configuration from being used. */
export interface Problem {
  /** The file's path as given, or what stands for it. */
  readonly file: string;
  /** Both from 1; undefined where the text could not be read, or there is none. */
  readonly position: Position | undefined;
  /** `routes[0].serverNames[1]`; empty for a problem with no one value. */
  readonly path: string;
  /** What is wrong and what is allowed, in one line. */
  readonly message: string;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** `FILE:LINE:COLUMN: path.to.key: what is wrong, what is allowed`. */
export function formatProblem({ file, position, path, message }: Problem): string {
  const place = position === undefined ? file : formatPlace(file, position);
  return [place, path, message].filter((part) => part !== '').join(': ');
}

/** The faults of a text in its order. */
export function toProblems(faults: readonly Fault[], text: string, file: string): Problem[] {
  const lines = new LineIndex(text);
  return faults
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, path, message, otherAt }) => {
      const other =
        otherAt === undefined ? '' : ` (the other is at ${formatPlace(file, lines.positionOf(otherAt))})`;
      return { file, position: lines.positionOf(at), path: formatPath(path), message: message + other };
    });
}

function formatPlace(file: string, { line, column }: Position): string {
  return `${file}:${line}:${column}`;
}

class LineIndex {
  /** Offsets of the first characters of lines. */
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  positionOf(offset: number): Position {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}
