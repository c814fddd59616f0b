import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { loadFirst } from '../../src/config/config-loader.ts';
import { routesOf } from './loading.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-load-first-'));
after(() => rmSync(folder, { recursive: true }));

function written(routeCount: number): string {
  const file = join(folder, `${routeCount}.json`);
  const routes = Array.from({ length: routeCount }, (_, i) => ({
    serverNames: [`shop-number-${i}.customers.example`],
    upstream: 'shop',
  }));
  const upstreams = { shop: { endpoints: ['192.0.2.1:443'] } };
  writeFileSync(file, JSON.stringify({ listeners: [{ name: 'edge', address: ':443' }], routes, upstreams }));
  return file;
}

for (const routeCount of [10, 10_000]) {
  test(`${routeCount} routes are loaded as they were written`, { timeout: 120_000 }, async () => {
    const loaded = await loadFirst(written(routeCount));
    assert.ok(loaded.ok);
    const routes = routesOf(loaded.snapshot);
    assert.equal(routes.length, routeCount);
    assert.equal(routes.at(-1)?.name, `shop-number-${routeCount - 1}.customers.example`);
  });
}

test('problems of a large file are told, and of one that is not there', { timeout: 120_000 }, async () => {
  const file = join(folder, 'large.yaml');
  writeFileSync(file, `watch: 3\n${'# nothing\n'.repeat(100_000)}`);
  const loaded = await loadFirst(file);
  assert.ok(!loaded.ok && loaded.problems.some(({ path }) => path === 'watch'));
  const missing = await loadFirst(join(folder, 'missing.yaml'));
  assert.ok(!missing.ok && /no such file/.test(missing.problems[0]?.message ?? ''));
});
