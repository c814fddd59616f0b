// Writes the reference pages of docs/ anew from the schema, the metric families and the commands (npm run docs).
import { writeFileSync } from 'node:fs';

import { pages } from './reference/pages.ts';

for (const [file, page] of Object.entries(pages)) writeFileSync(file, page());
