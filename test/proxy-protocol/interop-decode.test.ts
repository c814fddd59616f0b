import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { CertificateAuthority, type ServerCertificate } from '../../src/demo/certificate-authority.ts';
import { encodeProxyV2 } from '../../src/proxy-protocol/encode.ts';
import { type ProxyAddress, type ProxyHeader, proxyTlvType } from '../../src/proxy-protocol/proxy-header.ts';
import { HeaderSink } from './header-sink.ts';
import {
  connect,
  haproxy,
  nginx,
  nginxConfiguration,
  type RunningPeer,
  startPeer,
  testIsInstalled,
} from './peers.ts';

function loopback(port: number | undefined): ProxyAddress {
  return { address: '127.0.0.1', port: port ?? 0, family: 4 };
}

function tlvTypes(header: ProxyHeader): readonly number[] {
  return header.tlvs.map(({ type }) => type).sort((a, b) => a - b);
}

function tlvText(header: ProxyHeader, wanted: number): string | undefined {
  const tlv = header.tlvs.find(({ type }) => type === wanted);
  return tlv && Buffer.from(tlv.value).toString('latin1');
}

/** How HAProxy is told to send a header, and the TLVs that come of it for a client that named a server. */
const senders = [
  { options: 'send-proxy', version: 1, types: [] },
  { options: 'send-proxy-v2', version: 2, types: [] },
  { options: 'send-proxy-v2 proxy-v2-options crc32c', version: 2, types: [3] },
  { options: 'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority', version: 2, types: [2, 3, 5] },
] as const;

const relayed: ReadonlyArray<readonly [source: ProxyAddress, destination: ProxyAddress]> = [
  [
    { address: '203.0.113.7', port: 51234, family: 4 },
    { address: '198.51.100.1', port: 443, family: 4 },
  ],
  [
    { address: '2001:db8:7::1f', port: 51234, family: 6 },
    { address: '2001:db8::1', port: 443, family: 6 },
  ],
  [
    { address: '203.0.113.7', port: 51234, family: 4 },
    { address: '2001:db8::1', port: 443, family: 6 },
  ],
];

/** The defaults, and a port that is only there to show that HAProxy is up. */
function configurationStart(readyPort: number | undefined): string {
  return `
    defaults
      mode tcp
      timeout connect 10s
      timeout client 10s
      timeout server 10s
      unique-id-format id-%cp
    frontend ready
      bind 127.0.0.1:${readyPort}
      tcp-request connection reject\n`;
}

/** Each sender listens thrice: plainly, after a header of ours, and on a UNIX socket. */
function senderConfiguration(
  index: number,
  ports: readonly number[],
  folder: string,
  sink: HeaderSink,
): string {
  return `
    listen sender-${index}
      bind 127.0.0.1:${ports[2 * index + 1]}
      bind 127.0.0.1:${ports[2 * index + 2]} accept-proxy
      bind unix@${join(folder, `${index}.sock`)}
      server sink 127.0.0.1:${sink.port} ${senders[index]?.options}\n`;
}

const withHaproxy = testIsInstalled(haproxy);

describe('both decoders take what HAProxy sends', withHaproxy, () => {
  const sinks: HeaderSink[] = [];
  let peer: RunningPeer;

  before(async () => {
    for (const _ of senders) sinks.push(await HeaderSink.open());
    peer = await startPeer(haproxy, 1 + 2 * senders.length, (ports, folder) =>
      sinks.reduce(
        (text, sink, index) => text + senderConfiguration(index, ports, folder, sink),
        configurationStart(ports[0]),
      ),
    );
  });
  // The sinks first: were there no peer, they would keep the process.
  after(async () => {
    for (const sink of sinks) sink.close();
    await peer.stop();
  });

  for (const [index, { options, version, types }] of senders.entries()) {
    async function received(): Promise<ProxyHeader> {
      const sink = sinks[index];
      assert.ok(sink);
      return sink.next('hello');
    }

    test(`for ${options}`, async () => {
      const port = peer.ports[2 * index + 1] ?? 0;
      const socket = await connect(port, 'hello');
      const header = await received();
      assert.equal(header.version, version);
      assert.deepEqual([header.source, header.destination], [loopback(socket.localPort), loopback(port)]);
      assert.deepEqual(
        tlvTypes(header),
        types.filter((type) => type !== proxyTlvType.authority),
      );
      const uniqueId = types.length === 3 ? `id-${socket.localPort}` : undefined;
      assert.equal(tlvText(header, proxyTlvType.uniqueId), uniqueId);
      socket.destroy();
    });

    for (const [source, destination] of relayed) {
      test(`for ${options} from IPv${source.family} to IPv${destination.family}`, async () => {
        const ours = encodeProxyV2({ source, destination, tlvs: { authority: 'a.example', crc32c: true } });
        const port = peer.ports[2 * index + 2] ?? 0;
        const socket = await connect(port, Buffer.concat([ours, Buffer.from('hello')]));
        const header = await received();
        assert.deepEqual([header.version, header.source, header.destination], [version, source, destination]);
        assert.deepEqual(tlvTypes(header), types);
        const authority = types.length === 3 ? 'a.example' : undefined;
        assert.equal(tlvText(header, proxyTlvType.authority), authority);
        socket.destroy();
      });
    }

    test(`for ${options} of a client on a UNIX socket`, async () => {
      const socket = createConnection(join(peer.folder, `${index}.sock`));
      socket.write('hello');
      const header = await received();
      assert.deepEqual([header.version, header.source, header.destination], [version, undefined, undefined]);
      socket.destroy();
    });
  }
});

describe('both decoders take what HAProxy sends of itself and of TLS', withHaproxy, () => {
  let sink: HeaderSink;
  let checks: HeaderSink;
  let client: ServerCertificate;
  let peer: RunningPeer;

  before(async () => {
    sink = await HeaderSink.open();
    checks = await HeaderSink.open();
    const authority = await CertificateAuthority.create('Sluice test authority');
    const { cert, key } = await authority.issue(['shop.example.com']);
    client = await authority.issue(['client.example.com']);
    const options = 'crc32c,ssl-cipher,cert-sig,cert-key,authority,unique-id';
    peer = await startPeer(haproxy, 2, async ([readyPort, port], folder) => {
      await writeFile(join(folder, 'server.pem'), `${cert}\n${key}`);
      await writeFile(join(folder, 'ca.pem'), authority.certificatePem);
      return `${configurationStart(readyPort)}
    listen checking
      bind unix@${folder}/checking.sock
      server sink 127.0.0.1:${checks.port} send-proxy-v2 check inter 100ms proxy-v2-options crc32c
    listen over-tls
      bind 127.0.0.1:${port} ssl crt ${folder}/server.pem alpn h2 ca-file ${folder}/ca.pem verify optional crt-ignore-err all
      server sink 127.0.0.1:${sink.port} send-proxy-v2-ssl-cn proxy-v2-options ${options}\n`;
    });
  });
  after(async () => {
    sink.close();
    checks.close();
    await peer.stop();
  });

  test('for a health check, which is LOCAL', async () => {
    const header = await checks.next();
    assert.deepEqual([header.version, header.source, header.destination], [2, undefined, undefined]);
  });

  test('for a client with a certificate', async () => {
    const port = peer.ports[1] ?? 0;
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      servername: 'shop.example.com',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
      ...client,
    });
    await once(socket, 'secureConnect');
    socket.write('hello');
    const header = await sink.next('hello');
    assert.deepEqual([header.source, header.destination], [loopback(socket.localPort), loopback(port)]);
    assert.deepEqual(tlvTypes(header), [1, 2, 3, 5, 0x20]);
    assert.equal(tlvText(header, proxyTlvType.alpn), 'h2');
    assert.equal(tlvText(header, proxyTlvType.authority), 'shop.example.com');
    assert.match(tlvText(header, 0x20) ?? '', /TLSv1\.3.*client\.example\.com/s);
    socket.destroy();
  });
});

describe('both decoders take what nginx sends', testIsInstalled(nginx), () => {
  let sink: HeaderSink;
  let peer: RunningPeer;

  before(async () => {
    sink = await HeaderSink.open();
    peer = await startPeer(nginx, 2, ([readyPort, port], folder) =>
      nginxConfiguration(
        folder,
        `listen 127.0.0.1:${readyPort}; return "";`,
        `listen 127.0.0.1:${port}; listen unix:${folder}/sending.sock;
         proxy_pass 127.0.0.1:${sink.port}; proxy_protocol on;`,
      ),
    );
  });
  after(async () => {
    sink.close();
    await peer.stop();
  });

  test('which is version 1', async () => {
    const port = peer.ports[1] ?? 0;
    const socket = await connect(port, 'hello');
    const header = await sink.next('hello');
    assert.equal(header.version, 1);
    assert.deepEqual([header.source, header.destination], [loopback(socket.localPort), loopback(port)]);
    socket.destroy();
  });

  test('of a client on a UNIX socket, which is UNKNOWN', async () => {
    const socket = createConnection(join(peer.folder, 'sending.sock'));
    socket.write('hello');
    const header = await sink.next('hello');
    assert.deepEqual([header.version, header.source, header.destination], [1, undefined, undefined]);
    socket.destroy();
  });
});
