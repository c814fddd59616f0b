import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import type { SocketAddress } from '../../src/data-plane/data-plane.ts';
import { encodeProxyV1, encodeProxyV2 } from '../../src/proxy-protocol/encode.ts';
import { payload } from './payload.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { turns } from './wait.ts';

const source = { address: '192.0.2.7', port: 51_234, family: 4 } as const;
const destination = { address: '198.51.100.9', port: 443, family: 4 } as const;
const sourceV6 = { address: '2001:db8::7', port: 51_234, family: 6 } as const;
const destinationV6 = { address: '2001:db8::1', port: 443, family: 6 } as const;

const signatureV2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const local = Buffer.from([...signatureV2, 0x20, 0x00, 0, 0]);
const everyTlv = { authority: 'shop.example.com', alpn: 'h2', uniqueId: 'id', crc32c: true, ja4: 't13d' };

interface SeenAddresses {
  readonly client: SocketAddress;
  readonly destination: SocketAddress;
  /** The client's own, on the socket. */
  readonly clientPort: number;
}

/** INTERFACE 6: headers accepted from a peer that the policy trusts. */
export function proxyHeaderFacts(makePlane: MakePlane): void {
  const listener = { asksOnAccept: true };
  const headerFact = (sentence: string, body: (rig: Rig) => Promise<void>) =>
    fact(
      makePlane,
      sentence,
      async (rig) => {
        rig.policy.onAccepted = () => 'proxy-header';
        await body(rig);
      },
      { listener },
    );

  describe('a PROXY header', () => {
    for (const [name, header, from, to] of [
      ['version 1', encodeProxyV1(source, destination), source, destination],
      ['version 1, IPv6', encodeProxyV1(sourceV6, destinationV6), sourceV6, destinationV6],
      ['version 2', encodeProxyV2({ source, destination }), source, destination],
      [
        'version 2, IPv6',
        encodeProxyV2({ source: sourceV6, destination: destinationV6 }),
        sourceV6,
        destinationV6,
      ],
      [
        'version 2 with TLVs and their checksum',
        encodeProxyV2({ source, destination, tlvs: everyTlv }),
        source,
        destination,
      ],
    ] as const) {
      headerFact(`of ${name} gives the client and the destination, and is not forwarded`, async (rig) => {
        const seen = await expectHello(rig, [header, hello]);
        assert.deepEqual(seen.client, from);
        assert.deepEqual(seen.destination, to);
      });

      headerFact(`of ${name} is read wherever it is cut`, async (rig) => {
        for (let at = 1; at <= header.length; at++) {
          const seen = await expectHello(rig, [
            header.subarray(0, at),
            Buffer.concat([header.subarray(at), hello]),
          ]);
          assert.deepEqual(seen.client, from);
        }
      });
    }

    headerFact('and the hello are read one byte at a time', async (rig) => {
      const all = Buffer.concat([encodeProxyV2({ source, destination }), hello]);
      await expectHello(
        rig,
        Array.from(all, (byte) => Buffer.from([byte])),
      );
    });

    for (const [name, header] of [
      ['LOCAL', local],
      ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
    ] as const) {
      headerFact(`that says ${name} keeps the addresses of the socket`, async (rig) => {
        const seen = await expectHello(rig, [header, hello]);
        assert.deepEqual(seen.client, { address: '127.0.0.1', port: seen.clientPort, family: 4 });
        assert.deepEqual(seen.destination, { address: '127.0.0.1', port: rig.port, family: 4 });
      });
    }

    headerFact('may be followed by plain TCP', async (rig) => {
      const client = await rig.connect();
      await client.send(Buffer.concat([encodeProxyV1(source, destination), Buffer.from('SSH-2.0')]));
      const { isTls, connection } = await rig.policy.hellos.next();
      assert.equal(isTls, false);
      assert.deepEqual(connection.client, source);
      assert.equal((await (await rig.upstream.next()).receive(7)).toString(), 'SSH-2.0');
    });

    headerFact('does not count against maxHelloBytes', async (rig) => {
      const authority = 'a'.repeat(255);
      const header = encodeProxyV2({ source, destination, tlvs: { authority } });
      await expectHello(rig, [header, hello]);
    });

    headerFact('gives the client of a hello that is malformed too', async (rig) => {
      const client = await rig.connect();
      await client.send(Buffer.concat([encodeProxyV1(source, destination), Buffer.from([0x16, 3, 1, 0, 0])]));
      assert.equal((await client.receiveAll()).at(-1), 50);
      const { connection } = await rig.expectEnding({ outcome: 'malformed_hello', bytesUp: 5 });
      assert.deepEqual(connection.client, source);
    });

    const badChecksum = Buffer.from(encodeProxyV2({ source, destination, tlvs: { crc32c: true } }));
    badChecksum[badChecksum.length - 1] = (badChecksum.at(-1) ?? 0) ^ 1;
    const tooShort = Buffer.from([...signatureV2, 0x21, 0x11, 0, 4, 1, 2, 3, 4]);
    for (const [name, bytes] of [
      ['that is missing', hello],
      ['of version 3', Buffer.from([...signatureV2, 0x31, 0x11, 0, 0])],
      ['shorter than its addresses', tooShort],
      ['with the wrong checksum', badChecksum],
      ['of version 1 without its end', Buffer.from(`PROXY TCP4 ${'1'.repeat(120)}`)],
      ['of version 1 with a bad address', Buffer.from('PROXY TCP4 999.0.0.1 192.0.2.1 1 2\r\n')],
    ] as const) {
      headerFact(`${name} is answered with FIN`, async (rig) => {
        const client = await rig.connect();
        await client.send(bytes);
        assert.equal((await client.receiveAll()).length, 0);
        await rig.expectEnding({ outcome: 'bad_proxy_header', attempts: 0, bytesUp: 0, helloMs: undefined });
        assert.equal(rig.policy.hellos.count, 0);
      });
    }

    headerFact('that the client ends in the middle of has closed early', async (rig) => {
      const client = await rig.connect();
      client.socket.end('PROXY TCP4 ');
      await rig.expectEnding({ outcome: 'client_closed_early', bytesUp: 0 });
    });

    fact(
      makePlane,
      'from a peer that the policy does not trust is not TLS',
      async (rig) => {
        const client = await rig.connect();
        await client.send(encodeProxyV1(source, destination));
        const { isTls, connection } = await rig.policy.hellos.next();
        assert.equal(isTls, false);
        assert.equal(connection.client.port, client.port);
      },
      { listener },
    );
  });
}

/** Sends the pieces one by one; the upstream gets the hello alone, and then what follows it. */
async function expectHello(rig: Rig, pieces: readonly Uint8Array[]): Promise<SeenAddresses> {
  const client = await rig.connect();
  for (const piece of pieces) {
    await client.send(piece);
    await turns(2);
  }
  const upstream = await rig.upstream.next();
  assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
  const { connection } = await rig.policy.hellos.next();
  const seen = { client: connection.client, destination: connection.destination, clientPort: client.port };
  await client.send(payload(100));
  assert.deepEqual(await upstream.receive(100), payload(100));
  client.end();
  upstream.end();
  await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + 100, bytesDown: 0, attempts: 1 });
  return seen;
}
