import type { Row, Section } from './summary.ts';
import { short } from './tables.ts';

const labelWidth = 220;
const barWidth = 420;
const lineHeight = 18;
const sectionGap = 34;
const ownColour = '#1f6feb';
const peerColour = '#9aa4b2';

const costTitles = {
  cpuUs: 'CPU µs',
  p50Us: 'p50 µs',
  userBytes: 'user bytes',
};

/** Bars of what each thing costs: shorter is better. */
export function svgChart(sections: readonly Section[]): string {
  const parts: string[] = [];
  let y = 24;
  for (const section of sections) {
    parts.push(`<text x="8" y="${y}" font-weight="bold">${escaped(heading(section))}</text>`);
    y += 8;
    const rows = section.rows.flatMap((row) => {
      const cost = row.figures[section.cost];
      return cost === undefined ? [] : [{ row, cost }];
    });
    const largest = Math.max(...rows.map(({ cost }) => cost));
    for (const { row, cost } of rows) {
      parts.push(...bar(row, cost, cost / largest, y));
      y += lineHeight;
    }
    y += sectionGap;
  }
  const width = labelWidth + barWidth + 100;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" font-family="sans-serif" font-size="12">
<title>What each operation costs</title>
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

function heading({ title, cost, unit }: Section): string {
  return `${title}: ${costTitles[cost]} a ${unit}`;
}

function bar({ subject }: Row, cost: number, share: number, y: number): string[] {
  const colour = subject.startsWith('sluice') ? ownColour : peerColour;
  const length = Math.max(1, Math.round(share * barWidth));
  const baseline = y + 13;
  return [
    `<text x="${labelWidth - 8}" y="${baseline}" text-anchor="end">${escaped(subject)}</text>`,
    `<rect x="${labelWidth}" y="${y + 2}" width="${length}" height="${lineHeight - 5}" fill="${colour}"/>`,
    `<text x="${labelWidth + length + 6}" y="${baseline}">${short(cost)}</text>`,
  ];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
