import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { encodeProxyV1, encodeProxyV2 } from '../../src/proxy-protocol/encode.ts';
import type { ProxyAddress } from '../../src/proxy-protocol/proxy-header.ts';
import {
  connect,
  haproxy,
  isNginxSince,
  nginx,
  nginxConfiguration,
  type RunningPeer,
  startPeer,
  testIsInstalled,
} from './peers.ts';

const client4: ProxyAddress = { address: '203.0.113.7', port: 51234, family: 4 };
const client6: ProxyAddress = { address: '2001:db8:7::1f', port: 51234, family: 6 };
const listener4: ProxyAddress = { address: '198.51.100.1', port: 443, family: 4 };
const listener6: ProxyAddress = { address: '2001:db8::1', port: 443, family: 6 };
const tlvs = {
  authority: 'shop.example.com',
  alpn: 'h2',
  uniqueId: '01963f2e-7d1a-7c3b-9f00-1234567890ab',
  ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1',
  crc32c: true,
};

interface Sent {
  readonly name: string;
  readonly header: Uint8Array;
  /** Both addresses and ports, as programs write them that read the header. */
  readonly ends: string;
  /** The TLVs that HAProxy 2.6 tells of. */
  readonly carried: string;
}

/** Every kind of header that the encoder makes. */
const sent: readonly Sent[] = [client4, client6].flatMap((source) =>
  [listener4, listener6].flatMap((destination) => {
    const between = `from IPv${source.family} to IPv${destination.family}`;
    const isMixed = source.family !== destination.family;
    const ends = [source, destination]
      .map(({ address, port, family }) => `${isMixed && family === 4 ? '::ffff:' : ''}${address} ${port}`)
      .join(' ');
    const version1 = encodeProxyV1(source, destination);
    const version2 = encodeProxyV2({ source, destination });
    const withTlvs = encodeProxyV2({ source, destination, tlvs });
    const { authority, crc32c } = tlvs;
    const withTwo = encodeProxyV2({ source, destination, tlvs: { authority, crc32c } });
    return [
      { name: `version 1 ${between}`, header: version1, ends, carried: 'name= id=' },
      { name: `version 2 ${between}`, header: version2, ends, carried: 'name= id=' },
      {
        name: `version 2 with a server name and a checksum ${between}`,
        header: withTwo,
        ends,
        carried: `name=${authority} id=`,
      },
      {
        name: `version 2 with all TLVs ${between}`,
        header: withTlvs,
        ends,
        carried: `name=${authority} id=${tlvs.uniqueId}`,
      },
    ];
  }),
);

/** All that the peer says until it closes or, with something of ours unread, resets. */
async function answer(port: number, first: Uint8Array): Promise<string> {
  let text = '';
  const socket = await connect(port, first);
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}

describe('HAProxy takes the client to be the one we say', testIsInstalled(haproxy), () => {
  const request = Buffer.from('GET / HTTP/1.0\r\n\r\n');
  let peer: RunningPeer;
  let port: number;

  before(async () => {
    peer = await startPeer(haproxy, 1, ([port]) => {
      const seen = '%[src] %[src_port] %[dst] %[dst_port] name=%[fc_pp_authority] id=%[fc_pp_unique_id]';
      return `
        defaults
          mode http
          timeout client 10s
        frontend seen
          bind 127.0.0.1:${port} accept-proxy
          http-request return status 200 content-type text/plain lf-string "${seen}"\n`;
    });
    [port = 0] = peer.ports;
  });
  after(() => peer.stop());

  for (const { name, header, ends, carried } of sent) {
    test(`in ${name}`, async () => {
      const response = await answer(port, Buffer.concat([header, request]));
      assert.equal(response.split('\r\n\r\n')[1], `${ends} ${carried}`);
    });
  }

  test('but not when the checksum is wrong', async () => {
    const header = encodeProxyV2({ source: client4, destination: listener4, tlvs });
    header[20] = (header[20] ?? 0) ^ 1;
    assert.equal(await answer(port, Buffer.concat([header, request])), '');
  });
});

/** nginx before 1.23.2 refuses longer ones. */
const maxHeaderBytes = isNginxSince(1, 23, 2) ? 4096 : 107;

describe('nginx takes the client to be the one we say', testIsInstalled(nginx), () => {
  let peer: RunningPeer;
  let port: number;

  before(async () => {
    peer = await startPeer(nginx, 1, ([port], folder) => {
      const seen =
        '$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port';
      return nginxConfiguration(folder, `listen 127.0.0.1:${port} proxy_protocol; return "${seen}";`);
    });
    [port = 0] = peer.ports;
  });
  after(() => peer.stop());

  for (const { name, header, ends } of sent) {
    test(`in ${name}`, async (t) => {
      if (header.length > maxHeaderBytes) return t.skip(`nginx before 1.23.2 reads ${maxHeaderBytes} bytes`);
      assert.equal(await answer(port, header), ends);
    });
  }
});
