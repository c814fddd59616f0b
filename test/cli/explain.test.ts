import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { sluice } from './sluice.ts';

const config = `
listeners:
  - {name: edge, address: ":443"}
  - {name: inside, address: ":8443"}
routes:
  - {name: shop, serverNames: [shop.example.com], upstream: shop}
  - {name: shop-inside, serverNames: [shop.example.com], listeners: [inside], upstream: shop}
  - {name: wild, serverNames: ["*.example.com"], upstream: shop}
  - {name: h2, serverNames: ["*.example.com"], alpn: [h2], upstream: shop}
  - {name: office, serverNames: ["*.example.com"], sources: [203.0.113.0/24], reject: reset}
  - {name: old, serverNames: [old.example.com], reject: access_denied}
  - {name: dynamic, serverNames: ["*.example.org"], upstream: anywhere}
upstreams:
  shop:
    endpoints:
      - "[2001:db8::1]:8443"
      - {dns: "shop.internal:8443", weight: 3}
      - {srv: _https._tcp.shop.internal}
  anywhere: {serverName: {port: 8443, allow: ["*.ok.example.org"]}}
`;

async function explain(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await sluice(['explain', '-c', '-', ...args], { stdin: config });
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return stdout.trimEnd().split('\n');
}

describe('sluice explain', { concurrency: 2 }, () => {
  it('names the winning route and its upstream first, then what it beat and passed over', async () => {
    const lines = await explain('Shop.Example.com.', '--alpn', 'h2,http/1.1');
    assert.deepEqual(lines.slice(0, 2), [
      'route shop: forwarded to upstream shop',
      '  endpoints: [2001:db8::1]:8443, dns shop.internal:8443 (weight 3), srv _https._tcp.shop.internal',
    ]);
    assert.match(lines[2] ?? '', /^ {2}why: matches by the exact name shop\.example\.com/);
    assert.equal(lines[3], '  listener: edge');
    assert.deepEqual(
      lines.slice(4).map((line) => line.split(': ')[0]),
      ['beaten:', '  route h2', '  route wild', 'passed over:', '  route shop-inside', '  route office'],
    );
  });

  it('takes the source and the listener into account', async () => {
    assert.equal(
      (await explain('a.example.com', '--source', '203.0.113.7'))[0],
      'route office: refused with reset',
    );
    assert.equal(
      (await explain('shop.example.com', '--listener', 'inside'))[0],
      'route shop-inside: forwarded to upstream shop',
    );
  });

  it('says how a connection is refused', async () => {
    assert.equal(
      (await explain('old.example.com'))[0],
      'route old: refused with the TLS alert access_denied (49)',
    );
    const unrecognised = 'no route: refused with the TLS alert unrecognized_name (112)';
    assert.equal((await explain('example.net'))[0], unrecognised);
    assert.deepEqual(await explain('--no-sni'), [unrecognised, '  listener: edge']);
    assert.deepEqual(await explain('192.0.2.1'), [
      unrecognised,
      '  "192.0.2.1" is no server name: only routes without serverNames are for it',
      '  listener: edge',
    ]);
  });

  it('knows upstreams that connect to the name asked for', async () => {
    assert.equal(
      (await explain('a.ok.example.org'))[1],
      '  endpoints: a.ok.example.org:8443, the name asked for',
    );
    assert.equal(
      (await explain('a.example.org'))[1],
      '  endpoints: none, as a.example.org is not in its "allow": refused',
    );
  });

  it('refuses wrong usage with exit code 2', async () => {
    const wrong: readonly [args: string[], stderr: string][] = [
      [[], 'sluice: give either a name or --no-sni\n'],
      [['a.test', '--no-sni'], 'sluice: give either a name or --no-sni\n'],
      [
        ['a.test', '--source', 'office'],
        'sluice: "office" is not an IP address; allowed with --source is one\n',
      ],
      [['a.test', '--listener', 'egde'], 'sluice: there is no listener "egde"; allowed are edge, inside\n'],
    ];
    for (const [args, stderr] of wrong) {
      assert.deepEqual(await sluice(['explain', '-c', '-', ...args], { stdin: config }), {
        code: 2,
        stdout: '',
        stderr,
      });
    }
  });
});
