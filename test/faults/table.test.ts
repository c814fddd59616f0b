import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { recorded, withTable } from './record.ts';

test('the table of docs/reliability.md is that of the recorded figures', () => {
  const document = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');
  assert.equal(withTable(document, recorded()), document);
});
