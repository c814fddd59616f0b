import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { loadAddon } from '../../../src/data-plane/load-plane.ts';
import { LimitMemory } from '../../../src/upstream/limits/limit-memory.ts';

const processes = 3;
const patienceMs = 120_000;

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}

describe('limits that processes hammer', {
  skip: process.platform === 'linux' ? false : 'they share memory by the addon',
}, () => {
  test('are not exceeded, and leave nothing behind', async () => {
    const loaded = loadAddon();
    assert.ok(loaded.ok);
    const layout = { processes, columns: 8, sources: 8 };
    const fd = loaded.addon.createSharedMemory(LimitMemory.sizeOf(layout));
    const memory = LimitMemory.initialize(loaded.addon.mapSharedMemory(fd), layout, [1, 2]);
    memory.useRow(processes - 1);
    const hammer = fileURLToPath(new URL('hammer.ts', import.meta.url));
    const children = Array.from({ length: processes }, (_, row) =>
      spawn(process.execPath, ['--import', 'tsx', hammer, String(row)], {
        stdio: ['ignore', 'inherit', 'inherit', fd],
        timeout: patienceMs,
      }),
    );
    assert.deepEqual(
      await Promise.all(children.map(exitCode)),
      children.map(() => 0),
    );
    closeSync(fd);
    const left = Array.from(memory.counts.subarray(0, 5 * processes));
    assert.ok(left.every((count) => count === 0));
    assert.ok(memory.connections.every((count) => count === 0));
    assert.ok(memory.locks.every((lock) => lock === 0));
    // Of the tokens each was used once.
    assert.equal(memory.counts[5 * processes], 100_000);
  });
});
