import { readFileSync, writeFileSync } from 'node:fs';
import type { FaultFigures } from './figures.ts';
import { faultTable } from './table.ts';

const recordFile = new URL('recorded.json', import.meta.url);
const documentFile = new URL('../../docs/reliability.md', import.meta.url);
const begin = '<!-- faults: made by `npm run test:faults -- --record` -->\n\n';
const end = '\n\n<!-- end of faults -->';

export function recorded(): readonly FaultFigures[] {
  return JSON.parse(readFileSync(recordFile, 'utf8'));
}

/** In the place of what was recorded before of the same faults and planes; the document's table is made anew. */
export function record(figures: readonly FaultFigures[]): void {
  const isAnew = (before: FaultFigures) =>
    figures.some(({ fault, plane }) => fault === before.fault && plane === before.plane);
  const all = [...recorded().filter((before) => !isAnew(before)), ...figures];
  writeFileSync(recordFile, `${JSON.stringify(all, undefined, 2)}\n`);
  writeFileSync(documentFile, withTable(readFileSync(documentFile, 'utf8'), all));
}

/** The document with its table made from these figures. */
export function withTable(document: string, figures: readonly FaultFigures[]): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error('docs/reliability.md has no place for the table');
  return `${document.slice(0, from + begin.length)}${faultTable(figures)}${document.slice(to)}`;
}
