import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

function sources(folder: string, ending: RegExp): { file: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name))
    .map((file) => ({ file, text: readFileSync(file, 'utf8') }));
}

/** What runs text as a program; `spawn` and `execFile` without a shell pass arguments as they are. */
const forbiddenInTypeScript = [
  /\beval\s*\(/,
  /\bnew Function\b/,
  /\bfrom 'node:vm'/,
  /\bshell:/,
  /\{[^}]*\bexec(Sync)?\b[^}]*\} from 'node:child_process'/,
  /\* as \w+ from 'node:child_process'/,
];

const forbiddenInCpp = [/\bsystem\s*\(/, /\bpopen\s*\(/, /\bexec[lv]p?e?\s*\(/];

describe('no text ever becomes a program', () => {
  test('in TypeScript', () => {
    for (const { file, text } of sources('src', /\.ts$/)) {
      for (const pattern of forbiddenInTypeScript) assert.doesNotMatch(text, pattern, file);
    }
  });
  test('in C++', () => {
    for (const { file, text } of sources('native', /\.(cc|h)$/)) {
      for (const pattern of forbiddenInCpp) assert.doesNotMatch(text, pattern, file);
    }
  });
});
