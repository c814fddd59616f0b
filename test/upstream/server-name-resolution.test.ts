import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, describe, it } from 'node:test';
import { canonicalAddress } from '../../src/upstream/dns/canonical-address.ts';
import type { AddressLookup, NameLookup } from '../../src/upstream/dns/name-lookup.ts';
import { NameResolver } from '../../src/upstream/dns/name-resolver.ts';
import { type OwnListener, OwnListeners } from '../../src/upstream/own-listeners.ts';
import {
  ServerNameResolution,
  type ServerNameResolutionSettings,
} from '../../src/upstream/server-name-resolution.ts';
import { address, answerFrom, FakeDnsServer } from './dns-fake-server.ts';

/** Names that stand for what the test says, each for 10 s on the test's clock. */
function resolutionWith(
  zone: Readonly<Record<string, readonly string[]>>,
  overrides: Partial<ServerNameResolutionSettings> = {},
) {
  const script = { nowMs: 0, asked: [] as string[], searched: false, zone };
  const names: NameLookup = {
    addresses: (name, options) => {
      script.asked.push(name);
      script.searched ||= options?.search !== false;
      return Promise.resolve(lookupOf(script.zone[name], script.nowMs + 10_000));
    },
    services: () => Promise.reject(new Error('not asked for')),
  };
  const resolution = new ServerNameResolution({
    port: 443,
    allowPrivate: false,
    ownListeners: new OwnListeners([]),
    names,
    nowMs: () => script.nowMs,
    ...overrides,
  });
  return { resolution, script };
}

function lookupOf(texts: readonly string[] | undefined, nextLookupAtMs: number): AddressLookup {
  if (texts === undefined) {
    return { addresses: [], absence: { code: 'ENOTFOUND', why: 'no such name' }, nextLookupAtMs };
  }
  return { addresses: texts.flatMap((text) => canonicalAddress(text) ?? []), nextLookupAtMs };
}

async function textsOf(resolution: ServerNameResolution, name: string): Promise<string[] | undefined> {
  const result = await resolution.resolve(name);
  return result.kind === 'addresses' ? result.addresses.map((found) => found.address) : undefined;
}

describe('server name resolution', () => {
  it('gives the addresses to dial, with the port of the upstream', async () => {
    const { resolution } = resolutionWith({ 'a.example': ['8.8.8.8'] }, { port: 8443 });
    assert.deepEqual(await resolution.resolve('a.example'), {
      kind: 'addresses',
      addresses: [{ address: '8.8.8.8', port: 8443, family: 4 }],
    });
  });

  it('takes the families by turns, IPv6 first, and within one keeps the order', async () => {
    const v4 = ['8.8.8.8', '8.8.4.4', '9.9.9.9'];
    const { resolution } = resolutionWith({ 'a.example': [...v4, '2600::2', '2600::1'] });
    assert.deepEqual(await textsOf(resolution, 'a.example'), [
      '2600::2',
      '8.8.8.8',
      '2600::1',
      '8.8.4.4',
      '9.9.9.9',
    ]);
  });

  it('leaves out special-use addresses, and refuses a name that has no others', async () => {
    const { resolution } = resolutionWith({
      'mixed.example': ['10.0.0.1', '8.8.8.8', 'fd00::1'],
      'metadata.example': ['169.254.169.254', '::1'],
      'mapped.example': ['::ffff:127.0.0.1'],
    });
    assert.deepEqual(await textsOf(resolution, 'mixed.example'), ['8.8.8.8']);
    assert.deepEqual(await resolution.resolve('metadata.example'), {
      kind: 'refused',
      reason: '169.254.169.254 is link-local',
    });
    assert.deepEqual(await resolution.resolve('mapped.example'), {
      kind: 'refused',
      reason: '127.0.0.1 is loopback',
    });
  });

  it('dials them where the configuration allows it', async () => {
    const { resolution } = resolutionWith({ 'a.example': ['10.0.0.1'] }, { allowPrivate: true });
    assert.deepEqual(await textsOf(resolution, 'a.example'), ['10.0.0.1']);
  });

  it('never dials this proxy itself, whatever the configuration allows', async () => {
    const ownListeners = new OwnListeners([{ address: undefined, port: 443 }]);
    const zone = { 'loop.example': ['127.0.0.5', '0.0.0.0'], 'a.example': ['127.0.0.5', '10.99.99.99'] };
    const { resolution } = resolutionWith(zone, { ownListeners, allowPrivate: true });
    assert.deepEqual(await resolution.resolve('loop.example'), {
      kind: 'refused',
      reason: '127.0.0.5 is this proxy itself',
    });
    assert.deepEqual(await textsOf(resolution, 'a.example'), ['10.99.99.99']);
    const elsewhere = resolutionWith(zone, { ownListeners, allowPrivate: true, port: 8443 });
    assert.equal((await elsewhere.resolution.resolve('loop.example')).kind, 'addresses');
  });

  it('takes an address for no name, and looks nothing up', async () => {
    const { resolution, script } = resolutionWith({});
    for (const name of ['8.8.8.8', '::1', '2600::1']) {
      assert.equal((await resolution.resolve(name)).kind, 'refused', name);
    }
    assert.equal(script.asked.length, 0);
  });

  it('takes the name as complete: search domains are for the operator s own names', async () => {
    const { resolution, script } = resolutionWith({ 'a.example': ['8.8.8.8'] });
    await resolution.resolve('a.example');
    assert.equal(script.searched, false);
  });

  it('remembers a name, whatever its case, until its TTL ends', async () => {
    const { resolution, script } = resolutionWith({ 'a.example': ['8.8.8.8'] });
    assert.equal(resolution.known('a.example'), undefined);
    const result = await resolution.resolve('A.Example.');
    script.nowMs = 9999;
    assert.equal(resolution.known('a.example'), result);
    assert.equal(await resolution.resolve('a.example'), result);
    script.nowMs = 10_000;
    assert.equal(resolution.known('a.example'), undefined);
    script.zone = { 'a.example': ['8.8.4.4'] };
    assert.deepEqual(await textsOf(resolution, 'a.example'), ['8.8.4.4']);
    assert.deepEqual(script.asked, ['a.example', 'a.example']);
  });

  it('remembers that there is no such name', async () => {
    const { resolution, script } = resolutionWith({});
    assert.deepEqual(await resolution.resolve('a.example'), { kind: 'failed', code: 'ENOTFOUND' });
    assert.deepEqual(resolution.known('a.example'), { kind: 'failed', code: 'ENOTFOUND' });
    script.nowMs = 10_000;
    assert.equal(resolution.known('a.example'), undefined);
  });

  it('looks a name up once for all who wait for it', async () => {
    const { resolution, script } = resolutionWith({ 'a.example': ['8.8.8.8'] });
    await Promise.all(Array.from({ length: 50 }, () => resolution.resolve('a.example')));
    assert.deepEqual(script.asked, ['a.example']);
  });

  it('has no more lookups under way than it may', async () => {
    const { resolution, script } = resolutionWith({ 'a.example': ['8.8.8.8'] }, { maxPending: 1 });
    const first = resolution.resolve('a.example');
    assert.deepEqual(await resolution.resolve('b.example'), { kind: 'failed', code: 'EBUSY' });
    assert.equal((await first).kind, 'addresses');
    assert.equal((await resolution.resolve('b.example')).kind, 'failed');
    assert.deepEqual(script.asked, ['a.example', 'b.example']);
  });

  it('forgets what has not been asked for longest when it is full', async () => {
    const { resolution } = resolutionWith({}, { maxNames: 2 });
    await resolution.resolve('a.example');
    await resolution.resolve('b.example');
    resolution.known('a.example');
    await resolution.resolve('c.example');
    assert.notEqual(resolution.known('a.example'), undefined);
    assert.equal(resolution.known('b.example'), undefined);
  });

  it('works with names from a DNS server', { timeout: 20_000 }, async () => {
    const records = [
      address('a.test', '8.8.8.8'),
      address('a.test', '2600::1'),
      address('in.test', '10.0.0.1'),
    ];
    const server = await FakeDnsServer.start(answerFrom(() => records));
    const names = new NameResolver({
      servers: [server.address],
      hostsPath: '/nowhere',
      resolvConfPath: '/nowhere',
    });
    after(async () => {
      names.close();
      await server.close();
    });
    const { resolution } = resolutionWith({}, { names, nowMs: () => performance.now() });
    assert.deepEqual(await textsOf(resolution, 'a.test'), ['2600::1', '8.8.8.8']);
    assert.equal((await resolution.resolve('in.test')).kind, 'refused');
    // Shorthand that other resolvers take for an address is a name here, and there is none such.
    assert.deepEqual(await resolution.resolve('127.1'), { kind: 'failed', code: 'ENOTFOUND' });
    assert.equal(resolution.known('a.test')?.kind, 'addresses');
  });
});

describe('own listeners', () => {
  const includes = (listener: OwnListener, text: string, port = 443) => {
    const found = canonicalAddress(text);
    assert.ok(found);
    return new OwnListeners([listener], () => ['192.0.2.2', '2001:db8::2']).includes({ ...found, port });
  };

  it('on every address are those of this machine, at their port alone', () => {
    for (const listenerAddress of [undefined, '::', '0.0.0.0']) {
      const listener = { address: listenerAddress, port: 443 };
      for (const ours of ['192.0.2.2', '2001:db8::2', '127.0.0.1', '127.8.8.8', '::1', '0.0.0.0', '::']) {
        assert.equal(includes(listener, ours), true, ours);
        assert.equal(includes(listener, ours, 8443), false, ours);
      }
      assert.equal(includes(listener, '192.0.2.3'), false);
    }
  });

  it('on one address are that one, however it is written', () => {
    assert.equal(includes({ address: '2001:DB8:0::2', port: 443 }, '2001:db8::2'), true);
    assert.equal(includes({ address: '::ffff:192.0.2.2', port: 443 }, '192.0.2.2'), true);
    assert.equal(includes({ address: '192.0.2.2', port: 443 }, '127.0.0.1'), false);
    assert.equal(includes({ address: '192.0.2.2', port: 443 }, '0.0.0.0'), true);
    assert.equal(includes({ address: 'edge.example', port: 443 }, '192.0.2.2'), false);
  });

  it('know the addresses of this machine', () => {
    const own = new OwnListeners([{ address: undefined, port: 443 }]);
    for (const { address: text } of Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
      const found = canonicalAddress(text);
      assert.ok(found === undefined || own.includes({ ...found, port: 443 }), text);
    }
  });
});
