export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string | number;
}

/** Columns under headings: numbers to the right, a column without any content left out. No line ends in spaces. */
export function textTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const shown = columns
    .map(({ heading, cell }) => ({ heading, cells: rows.map(cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
    .map(({ heading, cells }) => {
      const texts = [heading, ...cells.map(String)];
      const width = Math.max(...texts.map((text) => text.length));
      const isNumeric = cells.every((cell) => typeof cell === 'number' || cell === '');
      return texts.map((text) => (isNumeric ? text.padStart(width) : text.padEnd(width)));
    });
  const lines = Array.from({ length: rows.length + 1 }, (_, i) => shown.map((texts) => texts[i] ?? ''));
  return lines.map((cells) => cells.join('  ').trimEnd());
}
