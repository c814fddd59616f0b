import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ReceivedRoutes } from '../../src/worker/received-routes.ts';

const part = (offset: number, ...bytes: number[]) => ({
  offset,
  totalBytes: 3,
  bytes: Uint8Array.from(bytes),
});

describe('routes that come in parts', () => {
  it('are whole after the last, and handed out once', () => {
    const received = new ReceivedRoutes();
    received.add(part(0, 1, 2));
    received.add(part(2, 3));
    assert.deepEqual(received.take(), { bytes: Uint8Array.from([1, 2, 3]) });
    assert.throws(() => received.take(), /not all come/);
  });

  it('are not handed out while a part is missing', () => {
    const received = new ReceivedRoutes();
    received.add(part(0, 1, 2));
    assert.throws(() => received.take(), /not all come/);
  });

  it('begin anew with a first part', () => {
    const received = new ReceivedRoutes();
    received.add(part(0, 9, 9));
    received.add(part(0, 1, 2));
    received.add(part(2, 3));
    assert.deepEqual(received.take(), { bytes: Uint8Array.from([1, 2, 3]) });
  });
});
