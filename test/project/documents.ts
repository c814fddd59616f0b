import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Document {
  readonly file: string;
  readonly text: string;
}

export interface Fence {
  /** Where it is, as `docs/cli.md:12`. */
  readonly place: string;
  readonly language: string;
  readonly text: string;
}

/** What users read: every Markdown file at the root and in docs/ and deploy/. */
export const documents: readonly Document[] = ['.', 'docs', 'deploy']
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** The fenced blocks of a document in one language. */
export function fences({ file, text }: Document, wanted: string): Fence[] {
  const found: Fence[] = [];
  for (const match of text.matchAll(/^ *```(\S+)\n(.*?)^ *```$/gms)) {
    const [, language = '', body = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    if (language === wanted) found.push({ place: `${file}:${line}`, language, text: body });
  }
  return found;
}
