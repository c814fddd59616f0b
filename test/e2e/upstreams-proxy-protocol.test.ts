import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';

import { type ProxyHeader, proxyTlvType } from '../../src/proxy-protocol/proxy-header.ts';
import { createTestAuthority, type TestAuthority } from '../certificates.ts';
import { HeaderSink } from '../proxy-protocol/header-sink.ts';
import {
  haproxy,
  isNginxSince,
  nginx,
  nginxConfiguration,
  type RunningPeer,
  startPeer,
  testIsInstalled,
} from '../proxy-protocol/peers.ts';
import { buildHello } from '../tls/hello-builder.ts';
import { Caller, call } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const allTlvs = ['authority', 'alpn', 'unique-id', 'crc32c', 'ja4'];
/** A client and its listener are of one family. */
const loopbacks = { 4: '127.0.0.1', 6: '::1' } as const;
const families = [4, 6] as const;

function literal(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** A proxy that listens on both loopback addresses and hands everything to these upstreams, each by its name. */
function serve(
  plane: string,
  upstreams: Readonly<Record<string, object>>,
  listener: object = {},
): Promise<SluiceProcess> {
  return SluiceProcess.serve({
    workers: 2,
    dataPlane: plane,
    listeners: families.map((family) => ({
      name: `v${family}`,
      address: `${literal(loopbacks[family])}:0`,
      ...listener,
    })),
    routes: [
      ...Object.keys(upstreams).map((name) => ({ serverNames: [`${name}.test`], upstream: name })),
      { name: 'plain', upstream: Object.keys(upstreams)[0] },
    ],
    upstreams,
  });
}

function portOf(sluice: SluiceProcess, family: 4 | 6): number {
  const line = sluice.log.find(({ msg, listener }) => msg === 'serving' && listener === `v${family}`);
  return Number(/:(\d+)$/.exec(line?.address ?? '')?.[1]);
}

function tlvs(header: ProxyHeader): Record<number, string> {
  return Object.fromEntries(
    header.tlvs.map(({ type, value }) => [type, Buffer.from(value).toString('latin1')]),
  );
}

for (const plane of planes) {
  describe(`PROXY headers sent to a backend by the ${plane} data plane`, () => {
    let sinks: Record<4 | 6, HeaderSink>;
    let sluice: SluiceProcess;

    before(async () => {
      sinks = { 4: await HeaderSink.open(), 6: await HeaderSink.open('::1') };
      const upstream = (family: 4 | 6, sendProxyProtocol: object) => ({
        endpoints: [`${literal(loopbacks[family])}:${sinks[family].port}`],
        sendProxyProtocol,
      });
      sluice = await serve(plane, {
        'one-4': upstream(4, { version: 1 }),
        'one-6': upstream(6, { version: 1 }),
        'two-4': upstream(4, { version: 2, tlvs: allTlvs }),
        'two-6': upstream(6, { version: 2, tlvs: allTlvs }),
        bare: upstream(4, { version: 2 }),
      });
    });
    after(async () => {
      await sluice.end();
      for (const family of families) sinks[family].close();
    });

    for (const client of families) {
      for (const server of families) {
        /** Its header, and the client that it ought to tell of. */
        const headerFor = async (hello: Uint8Array) => {
          const port = portOf(sluice, client);
          const caller = new Caller(port, { to: loopbacks[client], say: hello });
          const answered = caller.ask();
          const header = await sinks[server].next(Buffer.from(hello).toString());
          const { address: callerAddress } = caller;
          await answered;
          await caller.ended;
          assert.deepEqual(header.destination, { address: loopbacks[client], port, family: client });
          const { address = '', port: clientPort, family } = header.source ?? {};
          assert.equal(family, client);
          assert.equal(`${literal(address)}:${clientPort}`, callerAddress);
          const [line] = await sluice.accessed(1, (line) => line.client === callerAddress);
          return { header, line };
        };

        test(`version 1 from IPv${client} to an IPv${server} endpoint`, async () => {
          const { header } = await headerFor(buildHello({ serverName: `one-${server}.test` }));
          assert.equal(header.version, 1);
        });

        test(`version 2 with all TLVs from IPv${client} to an IPv${server} endpoint`, async () => {
          const serverName = `TWO-${server}.Test.`;
          const hello = buildHello({ serverName, alpn: ['h2', 'http/1.1'] });
          const { header, line } = await headerFor(hello);
          assert.equal(header.version, 2);
          const { [proxyTlvType.crc32c]: checksum = '', ...texts } = tlvs(header);
          // Both of the sink's decoders have verified it.
          assert.equal(checksum.length, 4);
          assert.deepEqual(texts, {
            [proxyTlvType.alpn]: 'h2',
            [proxyTlvType.authority]: serverName,
            [proxyTlvType.uniqueId]: line?.id,
            [proxyTlvType.ja4]: line?.ja4,
          });
        });
      }
    }

    test('version 2 without TLVs where none are asked for', async () => {
      const hello = buildHello({ serverName: 'bare.test', alpn: ['h2'] });
      const answered = call(portOf(sluice, 4), { say: hello });
      const header = await sinks[4].next(Buffer.from(hello).toString());
      await answered;
      assert.deepEqual([header.version, header.tlvs], [2, []]);
    });
  });
}

describe('HAProxy behind Sluice', testIsInstalled(haproxy), () => {
  let authority: TestAuthority;
  let peer: RunningPeer;

  before(async () => {
    authority = await createTestAuthority();
    const { cert, key } = await authority.authority.issue(['two.test']);
    peer = await startPeer(haproxy, 2, async ([readyPort, port], folder) => {
      await writeFile(join(folder, 'server.pem'), `${cert}\n${key}`);
      const seen = '%[src] %[src_port] %[dst] %[dst_port] name=%[fc_pp_authority] id=%[fc_pp_unique_id]';
      return `
        defaults
          mode http
          timeout client 30s
        frontend ready
          bind 127.0.0.1:${readyPort}
        frontend seen
          bind 127.0.0.1:${port} accept-proxy ssl crt ${folder}/server.pem
          bind [::1]:${port} accept-proxy ssl crt ${folder}/server.pem
          http-request return status 200 content-type text/plain lf-string "${seen}"\n`;
    });
  });
  after(async () => {
    await peer.stop();
    await authority.remove();
  });

  for (const plane of planes) {
    test(`takes the client to be the one we say (${plane} data plane)`, async () => {
      const port = peer.ports[1] ?? 0;
      const upstream = (host: string, sendProxyProtocol: object) => ({
        endpoints: [`${literal(host)}:${port}`],
        sendProxyProtocol,
      });
      const sluice = await serve(plane, {
        one: upstream('127.0.0.1', { version: 1 }),
        two: upstream('127.0.0.1', { version: 2, tlvs: allTlvs }),
        two6: upstream('::1', { version: 2, tlvs: allTlvs }),
      });
      try {
        for (const family of families) {
          for (const name of ['one', 'two', 'two6']) {
            const { body, client } = await httpsGet(
              `${name}.test`,
              loopbacks[family],
              portOf(sluice, family),
            );
            const [line] = await sluice.accessed(1, (line) => line.client === client.text);
            const carried = name === 'one' ? 'name= id=' : `name=${name}.test id=${line?.id}`;
            assert.equal(
              body,
              `${client.address} ${client.port} ${loopbacks[family]} ${portOf(sluice, family)} ${carried}`,
            );
            assert.equal(line?.outcome, 'ok');
          }
        }
      } finally {
        await sluice.end();
      }
    });
  }
});

/** nginx before 1.23.2 refuses longer ones. */
const nginxTakesTlvs = isNginxSince(1, 23, 2);

describe('nginx behind Sluice', testIsInstalled(nginx), () => {
  let peer: RunningPeer;

  before(async () => {
    peer = await startPeer(nginx, 1, ([port], folder) => {
      const seen =
        '$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port';
      return nginxConfiguration(
        folder,
        `listen 127.0.0.1:${port} proxy_protocol; listen [::1]:${port} proxy_protocol; return "${seen}\\n";`,
      );
    });
  });
  after(() => peer.stop());

  for (const plane of planes) {
    for (const [name, sendProxyProtocol] of [
      ['version 1', { version: 1 }],
      ['version 2', { version: 2 }],
      ['version 2 with all TLVs', { version: 2, tlvs: allTlvs }],
    ] as const) {
      test(`takes the client to be the one we say in ${name} (${plane} data plane)`, async (t) => {
        if ('tlvs' in sendProxyProtocol && !nginxTakesTlvs) {
          return t.skip('nginx before 1.23.2 reads 107 bytes of a header');
        }
        const endpoint = (family: 4 | 6) => `${literal(loopbacks[family])}:${peer.ports[0]}`;
        const sluice = await serve(plane, {
          to4: { endpoints: [endpoint(4)], sendProxyProtocol },
          to6: { endpoints: [endpoint(6)], sendProxyProtocol },
        });
        try {
          for (const family of families) {
            for (const serverName of ['to4.test', 'to6.test']) {
              const port = portOf(sluice, family);
              const hello = buildHello({ serverName });
              const caller = new Caller(port, { to: loopbacks[family], say: hello });
              const answer = await caller.ask();
              const [line] = await sluice.accessed(1, ({ client }) => answer.startsWith(asWords(client)));
              assert.equal(answer, `${asWords(line?.client ?? '')} ${loopbacks[family]} ${port}`);
              await caller.hangUp();
            }
          }
        } finally {
          await sluice.end();
        }
      });
    }
  }
});

/** `[::1]:80` as `::1 80`. */
function asWords(address: string): string {
  return address.replace(/^\[?(.*?)\]?:(\d+)$/, '$1 $2');
}

const acceptsFromLoopback = { acceptProxyProtocol: { from: ['127.0.0.0/8', '::1/128'] } };

for (const plane of planes) {
  describe(`behind proxies that send PROXY headers, the ${plane} data plane`, () => {
    let backend: NamedBackend;
    let sink: HeaderSink;
    let sluice: SluiceProcess;

    before(async () => {
      backend = await NamedBackend.start('shop');
      sink = await HeaderSink.open();
      sluice = await serve(
        plane,
        {
          shop: { endpoints: [backend.address] },
          relay: { endpoints: [`127.0.0.1:${sink.port}`], sendProxyProtocol: { version: 2 } },
        },
        acceptsFromLoopback,
      );
    });
    after(async () => {
      await sluice.end();
      await backend.close();
      sink.close();
    });

    const peers = [
      {
        program: haproxy,
        ways: ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id'],
        configure: ([readyPort, ...ports]: readonly number[], ways: readonly string[]) => `
          defaults
            mode tcp
            timeout connect 10s
            timeout client 30s
            timeout server 30s
            unique-id-format id-%cp
          frontend ready
            bind 127.0.0.1:${readyPort}
          ${ways
            .flatMap((options, index) =>
              families.map(
                (family) => `
          listen way-${index}-${family}
            bind ${literal(loopbacks[family])}:${ports[index]}
            server sluice ${literal(loopbacks[family])}:${portOf(sluice, family)} ${options}\n`,
              ),
            )
            .join('')}`,
      },
      {
        program: nginx,
        ways: ['proxy_protocol on'],
        configure: ([readyPort, port]: readonly number[], ways: readonly string[], folder: string) =>
          nginxConfiguration(
            folder,
            `listen 127.0.0.1:${readyPort}; return "";`,
            ...families.map((family) => {
              const host = literal(loopbacks[family]);
              return `listen ${host}:${port}; proxy_pass ${host}:${portOf(sluice, family)}; ${ways[0]};`;
            }),
          ),
      },
    ];

    for (const { program, ways, configure } of peers) {
      describe(`takes what ${program.name} sends`, testIsInstalled(program), () => {
        let peer: RunningPeer;
        before(async () => {
          peer = await startPeer(program, 1 + ways.length, (ports, folder) => configure(ports, ways, folder));
        });
        after(() => peer.stop());

        for (const [index, way] of ways.entries()) {
          for (const family of families) {
            test(`for ${way} of an IPv${family} client: the log and the next header tell of that client`, async () => {
              const port = peer.ports[1 + index] ?? 0;
              const hello = buildHello({ serverName: 'shop.test' });
              // An address of its own shows that it is not the other proxy's that is told.
              const from = family === 4 ? '127.0.0.9' : undefined;
              const options = { to: loopbacks[family], ...(from !== undefined && { from }) };
              const caller = new Caller(port, { ...options, say: hello });
              assert.equal(await caller.ask(), 'shop');
              const { address } = caller;
              await caller.hangUp();
              const [line] = await sluice.accessed(1, ({ client }) => client === address);
              assert.deepEqual([line?.outcome, line?.serverName], ['ok', 'shop.test']);

              const relayed = buildHello({ serverName: 'relay.test' });
              const second = new Caller(port, { ...options, say: relayed });
              const answered = second.ask();
              const header = await sink.next(Buffer.from(relayed).toString());
              const { source, destination } = header;
              assert.equal(source?.address, from ?? loopbacks[family]);
              assert.deepEqual(destination, { address: loopbacks[family], port, family });
              await answered;
              await second.ended;
            });
          }
        }
      });
    }

    test('closes on a trusted peer that sends no header', async () => {
      assert.equal(await call(portOf(sluice, 4), { say: buildHello({ serverName: 'shop.test' }) }), 'end');
      await sluice.accessed(1, ({ outcome }) => outcome === 'bad_proxy_header');
    });
  });
}

/** The body of an HTTPS answer, and who asked. */
async function httpsGet(servername: string, host: string, port: number) {
  const socket = connectTls({ host, port, servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { localAddress: address = '', localPort = 0 } = socket;
  socket.end('GET / HTTP/1.0\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  const body = text.split('\r\n\r\n')[1];
  return { body, client: { address, port: localPort, text: `${literal(address)}:${localPort}` } };
}
