import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import {
  close,
  closeLingering,
  remoteAddress,
  reset,
  wasReset,
} from '../../src/data-plane/portable-socket.ts';
import { openDescriptors } from '../conformance/open-descriptors.ts';
import { connectedSockets } from './connected-sockets.ts';

const bounds = { timeout: 60_000 };

describe('a socket of the portable plane', () => {
  it('is reset with nothing left behind while its FIN is about to go', bounds, async () => {
    const before = openDescriptors();
    const [near, far] = await connectedSockets();
    const closed = once(near, 'close');
    near.on('error', (error) => assert.fail(error));
    near.end();
    reset(near);
    await closed;
    far.destroy();
    await once(far, 'close');
    assert.equal(openDescriptors(), before);
  });

  it('is reset at once, and the other side is told', bounds, async () => {
    const [near, far] = await connectedSockets();
    const failed = once(far, 'error');
    far.resume();
    reset(near);
    const [error] = await failed;
    assert.equal(error.code, 'ECONNRESET');
  });

  it('is closed with RST where bytes are unsent and with FIN where none are', bounds, async () => {
    for (const isStuck of [true, false]) {
      const [near, far] = await connectedSockets();
      while (isStuck && near.writableLength === 0) near.write(Buffer.alloc(256 * 1024));
      close(near);
      const departure = Promise.race([
        once(far, 'end').then(() => (wasReset(far) ? 'reset' : 'end')),
        once(far, 'error').then(() => 'reset'),
      ]);
      far.resume();
      assert.equal(await departure, isStuck ? 'reset' : 'end');
      far.destroy();
    }
  });

  it('lingers until the other side ends, and no longer', bounds, async () => {
    const [near, far] = await connectedSockets();
    closeLingering(near, Buffer.from('farewell'));
    far.resume();
    const [bytes] = await once(far, 'data');
    assert.equal(String(bytes), 'farewell');
    far.end();
    await once(near, 'close');
    assert.equal(near.errored, null);
  });

  it('that saw a real end was not reset', bounds, async () => {
    const [near, far] = await connectedSockets();
    near.resume();
    far.end();
    await once(near, 'end');
    assert.equal(wasReset(near), false);
    near.destroy();
  });

  it('has no address once it was reset', bounds, async () => {
    const [near, far] = await connectedSockets();
    assert.equal(remoteAddress(near)?.address, '127.0.0.1');
    near.on('error', (error) => assert.equal(error.message, 'read ECONNRESET'));
    const closed = new Promise((resolve) => near.once('close', resolve));
    reset(far);
    near.resume();
    await closed;
    assert.equal(remoteAddress(far), undefined);
  });
});
