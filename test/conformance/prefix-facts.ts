import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { buildHello, splitIntoBytes, splitIntoRecords } from '../tls/hello-builder.ts';
import { payload } from './payload.ts';
import type { Peer } from './peer.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { dialTo } from './scripted-policy.ts';
import { until } from './wait.ts';

/** INTERFACE 4: what a connection starts with, however it is cut. */
export function prefixFacts(makePlane: MakePlane): void {
  describe('the prefix', () => {
    fact(makePlane, 'reaches the upstream as it was sent', async (rig) => {
      const { upstream, client, connection } = await rig.forward();
      client.end();
      assert.equal((await upstream.receiveAll()).length, 0);
      assert.equal(connection.listener, rig.listener);
    });

    fact(makePlane, 'is read whole when it is cut in two at any byte', async (rig) => {
      for (let at = 1; at < hello.length; at++) {
        const client = await rig.connect();
        await client.send(hello.subarray(0, at));
        await untilBytesUp(rig, at);
        await client.send(hello.subarray(at));
        await expectHelloUpstream(rig, client, hello);
      }
    });

    fact(makePlane, 'is read whole when it comes one byte at a time', async (rig) => {
      const client = await rig.connect();
      for (let at = 0; at < hello.length; at++) {
        await client.send(hello.subarray(at, at + 1));
        if (at + 1 < hello.length) await untilBytesUp(rig, at + 1);
      }
      await expectHelloUpstream(rig, client, hello);
    });

    for (const [name, sizes] of [
      ['two records', [50]],
      ['records that cut its length', [1, 1, 1, 1]],
      ['records of seven bytes', new Array<number>(100).fill(7)],
    ] as const) {
      fact(makePlane, `is read whole from ${name} and forwarded in those very records`, async (rig) => {
        const records = splitIntoRecords(hello, sizes);
        const client = await rig.connect();
        await client.send(records);
        await expectHelloUpstream(rig, client, records, true);
      });
    }

    fact(makePlane, 'is read whole from records of one byte that come a byte at a time', async (rig) => {
      const records = splitIntoBytes(hello);
      const client = await rig.connect();
      for (let at = 0; at < records.length; at++) await client.send(records.subarray(at, at + 1));
      await expectHelloUpstream(rig, client, records, true);
    });

    fact(makePlane, 'may be as long as maxHelloBytes', async (rig) => {
      const long = buildHello({ serverName: 'shop.example.com', wireBytes: rig.listener.maxHelloBytes });
      assert.equal(long.length, 65_536);
      const client = await rig.connect();
      await client.send(long);
      await expectHelloUpstream(rig, client, long, true);
    });

    fact(makePlane, 'is followed by what came in the same segment', async (rig) => {
      const sent = Buffer.concat([hello, payload(10_000)]);
      const client = await rig.connect();
      await client.send(sent);
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receive(sent.length), sent);
      upstream.end();
      client.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: sent.length, bytesDown: 0, attempts: 1 });
    });

    fact(
      makePlane,
      'is followed by what came while the policy was deciding and the dial under way',
      async (rig) => {
        rig.policy.onHello = () => ({ kind: 'pending' });
        const client = await rig.connect();
        await client.send(hello);
        const { connection } = await rig.policy.hellos.next();
        const early = payload(40_000);
        await client.send(early);
        rig.plane.answer(connection, dialTo(rig.endpoint));
        const upstream = await rig.upstream.next();
        await upstream.receive(hello.length);
        assert.deepEqual(await upstream.receive(early.length), early);
      },
    );

    fact(makePlane, 'goes behind the header of the dial, which counts as nothing', async (rig) => {
      const header = payload(300, 7);
      rig.policy.onHello = () => dialTo(rig.endpoint, { header });
      const client = await rig.connect();
      await client.send(hello);
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receive(300 + hello.length), Buffer.concat([header, hello]));
      await upstream.send(payload(10));
      await client.receive(10);
      upstream.end();
      client.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length, bytesDown: 10 });
    });

    fact(makePlane, 'that is not TLS is shown to the policy as no hello, at its first byte', async (rig) => {
      const client = await rig.connect();
      await client.send(Buffer.from('S'));
      const seen = await rig.policy.hellos.next();
      assert.equal(seen.isTls, false);
      const upstream = await rig.upstream.next();
      await client.send(Buffer.from('SH-2.0-client\r\n'));
      assert.equal((await upstream.receive(16)).toString(), 'SSH-2.0-client\r\n');
      client.end();
      upstream.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: 16, helloMs: undefined, attempts: 1 });
    });

    fact(makePlane, 'of plain TCP is answered by an upstream that speaks first', async (rig) => {
      rig.upstream.onConnection = (peer) => peer.socket.write('220 ready\r\n');
      const client = await rig.connect();
      await client.send(Buffer.from('E'));
      assert.equal((await client.receive(11)).toString(), '220 ready\r\n');
    });

    fact(makePlane, 'names the addresses of the client and of the listener', async (rig) => {
      const { client, connection } = await rig.forward();
      assert.deepEqual(connection.client, { address: '127.0.0.1', port: client.port, family: 4 });
      assert.deepEqual(connection.destination, { address: '127.0.0.1', port: rig.port, family: 4 });
    });

    const dual = { host: '::', needsIpv6: true } as const;
    fact(makePlane, 'names an IPv4 client of an IPv6 listener by its IPv4 address', expectIpv4, dual);

    const ipv6 = { host: '::1', needsIpv6: true } as const;
    fact(makePlane, 'names an IPv6 client by its IPv6 address', expectIpv6, ipv6);
  });
}

async function expectIpv4(rig: Rig): Promise<void> {
  const { client, connection } = await rig.forward();
  assert.deepEqual(connection.client, { address: '127.0.0.1', port: client.port, family: 4 });
  assert.deepEqual(connection.destination, { address: '127.0.0.1', port: rig.port, family: 4 });
}

async function expectIpv6(rig: Rig): Promise<void> {
  const { client, connection } = await rig.forward();
  assert.deepEqual(connection.client, { address: '::1', port: client.port, family: 6 });
  assert.deepEqual(connection.destination, { address: '::1', port: rig.port, family: 6 });
}

/** Waits until the plane has read that much of the one live connection. */
async function untilBytesUp(rig: Rig, bytes: number): Promise<void> {
  await until(() => [...rig.plane.connections()].some((live) => live.bytesUp === bytes), `${bytes} bytes up`);
}

async function expectHelloUpstream(
  rig: Rig,
  client: Peer,
  sent: Uint8Array,
  inManyRecords = false,
): Promise<void> {
  const upstream = await rig.upstream.next();
  assert.deepEqual(await upstream.receive(sent.length), Buffer.from(sent));
  const seen = await rig.policy.hellos.next();
  assert.equal(seen.serverName, 'shop.example.com');
  assert.equal(seen.recordsInMany, inManyRecords);
  client.end();
  upstream.end();
  await rig.expectEnding({ outcome: 'ok', bytesUp: sent.length, bytesDown: 0, attempts: 1 });
}
