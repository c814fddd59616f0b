/** A table of GitHub's Markdown. Cells may hold anything but line breaks. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(headings), `|${'---|'.repeat(headings.length)}`, ...rows.map(line)].join('\n');
}

export function code(text: string): string {
  return `\`${text}\``;
}

function escapeCell(cell: string): string {
  return cell.replaceAll('|', '\\|');
}

const begin = '<!-- What follows is generated: npm run docs -->';
const end = '<!-- Here the generated part ends. -->';

/** The page with what is between its marks replaced; the rest is written by hand. */
export function withGenerated(page: string, generated: string): string {
  const [before, rest] = splitOnce(page, begin);
  const [, after] = splitOnce(rest, end);
  return `${before}${begin}\n\n${generated}\n\n${end}${after}`;
}

function splitOnce(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`the page has no line ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
