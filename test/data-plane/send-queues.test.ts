import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasUnacknowledgedBytes } from '../../src/data-plane/send-queues.ts';
import { connectedSockets } from './connected-sockets.ts';

/** More than both sides' buffers take. */
const lots = Buffer.alloc(32 * 1024 * 1024);

describe('bytes in the send queue', {
  skip: process.platform === 'linux' ? false : 'only Linux lists them',
}, () => {
  test('are seen while the other side reads nothing', async () => {
    const [near, far] = await connectedSockets();
    near.write(lots);
    assert.equal(await hasUnacknowledgedBytes(near), true);
    near.destroy();
    far.destroy();
  });

  test('are seen by whoever asks after they were written', async () => {
    const [near, far] = await connectedSockets();
    const before = hasUnacknowledgedBytes(near);
    await nextTurn();
    near.write(lots);
    const after = hasUnacknowledgedBytes(near);
    await before;
    assert.equal(await after, true);
    near.destroy();
    far.destroy();
  });

  test('are not there where nothing was written', async () => {
    const [near, far] = await connectedSockets();
    const answers = await Promise.all([near, far].map(hasUnacknowledgedBytes));
    assert.deepEqual(answers, [false, false]);
    near.destroy();
    far.destroy();
  });
});
