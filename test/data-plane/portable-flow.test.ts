import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { PortableFlow } from '../../src/data-plane/portable-flow.ts';
import { connectedSockets } from './connected-sockets.ts';

const chunk = Buffer.alloc(256 * 1024, 7);

describe('one direction', () => {
  it('passes the end on when what came before it has been sent', { timeout: 60_000 }, async () => {
    const [from, sender] = await connectedSockets();
    const [to, reader] = await connectedSockets();
    const told: string[] = [];
    const flow = new PortableFlow(from, to, { moved: () => {}, ended: () => told.push('ended') });
    flow.start();
    while (flow.take(chunk)) assert.equal(flow.sentBytes, flow.receivedBytes);
    assert.equal(flow.sentBytes, flow.receivedBytes - chunk.length);
    assert.ok(from.isPaused());

    sender.end();
    from.resume();
    await once(from, 'end');
    assert.equal(to.writableEnded, false);
    assert.deepEqual(told, []);

    let bytes = 0;
    reader.on('data', ({ length }: Buffer) => {
      bytes += length;
    });
    reader.resume();
    await once(reader, 'end');
    assert.equal(bytes, flow.receivedBytes);
    assert.equal(flow.sentBytes, flow.receivedBytes);
    assert.deepEqual(told, ['ended']);
    for (const socket of [from, sender, to, reader]) socket.destroy();
  });

  it('passes nothing on once it is stopped', { timeout: 60_000 }, async () => {
    const [from, sender] = await connectedSockets();
    const [to, reader] = await connectedSockets();
    const flow = new PortableFlow(from, to, { moved: () => {}, ended: () => assert.fail('it ends') });
    flow.start();
    flow.stop();
    assert.equal(flow.take(chunk), true);
    assert.equal(flow.receivedBytes, 0);
    sender.end();
    from.resume();
    await once(from, 'end');
    assert.equal(to.writableEnded, false);
    for (const socket of [from, sender, to, reader]) socket.destroy();
  });
});
