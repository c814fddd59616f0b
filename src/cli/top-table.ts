export interface TopColumn<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  /** The first column is; others stand to the right. */
  readonly isText?: boolean;
  /** The sort that goes by it. */
  readonly sort?: string;
}

const gap = 2;
/** What the first column keeps where the terminal is narrow: then columns go from the right. */
const leastNameWidth = 16;

/**
 * Headings, then a line for each row, `columns` wide at most: the first column gives way, and then the last ones go.
 * Nothing in a cell can steer the terminal.
 */
export function topTable<Row>(
  rows: readonly Row[],
  all: readonly TopColumn<Row>[],
  columns: number,
  sort: string,
): string[] {
  const cells = all.map(({ heading, cell, sort: own }) => [
    own === sort ? `${heading}▼` : heading,
    ...rows.map((row) => cell(row).replace(/\p{C}/gu, '?')),
  ]);
  const widths = cells.map((texts) => Math.max(...texts.map(({ length }) => length)));
  let shown = widths.length;
  const others = () => widths.slice(1, shown).reduce((sum, width) => sum + width + gap, 0);
  const wanted = Math.min(widths[0] ?? 0, leastNameWidth);
  while (shown > 1 && wanted + others() > columns) shown--;
  widths[0] = Math.max(1, Math.min(widths[0] ?? 0, columns - others()));
  return Array.from({ length: rows.length + 1 }, (_, i) => {
    const texts = cells.slice(0, shown).map((column, at) => {
      const text = clip(column[i] ?? '', widths[at] ?? 0);
      return at === 0 || all[at]?.isText === true
        ? text.padEnd(widths[at] ?? 0)
        : text.padStart(widths[at] ?? 0);
    });
    return texts.join(' '.repeat(gap)).trimEnd();
  });
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
