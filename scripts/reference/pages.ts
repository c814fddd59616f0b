import { readFileSync } from 'node:fs';

import { commandLineReference } from './command-line.ts';
import { configurationReference } from './configuration.ts';
import { manPage } from './man-page.ts';
import { withGenerated } from './markdown.ts';
import { metricsReference } from './metrics.ts';

/** The pages that are made from code, in whole or in part, as they should read now. */
export const pages: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': () => partly('docs/configuration.md', configurationReference()),
  'docs/metrics.md': () => partly('docs/metrics.md', metricsReference()),
  'docs/cli.md': () => partly('docs/cli.md', commandLineReference()),
  'docs/sluice.1': manPage,
};

function partly(file: string, generated: string): string {
  return withGenerated(readFileSync(file, 'utf8'), generated);
}
