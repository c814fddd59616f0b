import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { Answer } from 'dns-packet';
import { NameResolver, type NameResolverOptions } from '../../src/upstream/dns/name-resolver.ts';
import { address, answerFrom, FakeDnsServer, flag, response } from './dns-fake-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-resolver-'));
const open: { close(): unknown }[] = [];

function closedAfterwards<T extends { close(): unknown }>(resource: T): T {
  open.push(resource);
  return resource;
}

function fileWith(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function serverWith(...records: readonly Answer[]) {
  return closedAfterwards(await FakeDnsServer.start(answerFrom(() => records)));
}

/** Reads none of this machine's files. */
function resolverOf(server: FakeDnsServer, options: NameResolverOptions = {}) {
  const isolated = {
    servers: [server.address],
    hostsPath: join(folder, 'absent'),
    resolvConfPath: join(folder, 'absent'),
  };
  return closedAfterwards(new NameResolver({ ...isolated, ...options }));
}

function service(name: string, target: string, ttl = 60): Answer {
  return { type: 'SRV', name, ttl, data: { priority: 1, weight: 2, port: 443, target } };
}

const v4 = { address: '192.0.2.1', family: 4 };
const v6 = { address: '2001:db8::1', family: 6 };

describe('a name resolver', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('gives the addresses of both families', async () => {
    const server = await serverWith(address('a.test', '192.0.2.1'), address('a.test', '2001:db8::1'));
    const lookup = await resolverOf(server).addresses('A.test');
    assert.deepEqual(lookup.addresses, [v6, v4]);
    assert.equal(lookup.absence, undefined);
  });

  it('is content with one family', async () => {
    const server = await serverWith(address('a.test', '192.0.2.1'));
    const lookup = await resolverOf(server).addresses('a.test');
    assert.deepEqual([lookup.addresses, lookup.absence, lookup.failure], [[v4], undefined, undefined]);
  });

  it('gives what one family has while asking for the other fails, and says so', async () => {
    const server = await serverWith(address('a.test', '192.0.2.1'));
    const { respond } = server;
    server.respond = (query) =>
      query.type === 'AAAA' ? [response(query, { flags: flag.serverFailure })] : respond(query);
    const lookup = await resolverOf(server).addresses('a.test');
    assert.deepEqual([lookup.addresses, lookup.failure?.code], [[v4], 'ESERVFAIL']);
  });

  it('tells a name that does not exist from one without addresses', async () => {
    const resolver = resolverOf(await serverWith({ type: 'TXT', name: 'a.test', ttl: 60, data: 'x' }));
    assert.equal((await resolver.addresses('a.test')).absence?.code, 'ENODATA');
    assert.equal((await resolver.addresses('b.test')).absence?.code, 'ENOTFOUND');
  });

  it('asks nobody for an address, for what the hosts file has, or for localhost', async () => {
    const server = await serverWith();
    const resolver = resolverOf(server, { hostsPath: fileWith('hosts', '192.0.2.1 Shop.internal\n') });
    assert.deepEqual((await resolver.addresses('192.0.2.1')).addresses, [v4]);
    assert.deepEqual((await resolver.addresses('2001:DB8::1')).addresses, [v6]);
    assert.deepEqual((await resolver.addresses('shop.INTERNAL')).addresses, [v4]);
    const loopback = [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ];
    assert.deepEqual((await resolver.addresses('localhost')).addresses, loopback);
    assert.deepEqual((await resolver.addresses('a.localhost.')).addresses, loopback);
    assert.equal(server.seen.length, 0);
  });

  it('leaves to the hosts file what localhost is', async () => {
    const resolver = resolverOf(await serverWith(), { hostsPath: fileWith('own', '127.0.0.1 localhost') });
    assert.deepEqual((await resolver.addresses('localhost')).addresses, [
      { address: '127.0.0.1', family: 4 },
    ]);
  });

  it('searches the domains of resolv.conf, except for names that are complete', async () => {
    const server = await serverWith(address('a.two.test', '192.0.2.1'));
    const resolvConfPath = fileWith('resolv.conf', 'search one.test two.test\n');
    const resolver = resolverOf(server, { resolvConfPath });
    assert.deepEqual((await resolver.addresses('a')).addresses, [v4]);
    assert.equal((await resolver.addresses('a.')).absence?.code, 'ENOTFOUND');
    assert.equal((await resolver.addresses('a', { search: false })).absence?.code, 'ENOTFOUND');
  });

  it('goes on searching past no failure', async () => {
    const server = await serverWith(address('a.two.test', '192.0.2.1'));
    const { respond } = server;
    server.respond = (query) =>
      query.name === 'a.one.test' ? [response(query, { flags: flag.serverFailure })] : respond(query);
    const resolvConfPath = fileWith('resolv.conf', 'search one.test two.test\n');
    const lookup = await resolverOf(server, { resolvConfPath }).addresses('a');
    assert.deepEqual([lookup.addresses, lookup.failure?.code], [[], 'ESERVFAIL']);
  });

  it('keeps what a search found while all servers fail', async () => {
    const server = await serverWith(address('a.two.test', '192.0.2.1', 0));
    const resolvConfPath = fileWith('resolv.conf', 'search one.test two.test\n');
    const resolver = resolverOf(server, { resolvConfPath, minTtlMs: 1, maxNegativeTtlMs: 1 });
    const first = await resolver.addresses('a');
    server.respond = (query) => [response(query, { flags: flag.serverFailure })];
    while (performance.now() < first.nextLookupAtMs + 1) {
      await new Promise(setImmediate);
    }
    const lookup = await resolver.addresses('a');
    assert.deepEqual([lookup.addresses, lookup.failure?.code], [[v4], 'ESERVFAIL']);
  });

  it('gives each service with its target s addresses', async () => {
    const server = await serverWith(
      service('_x._tcp.test', 'a.test'),
      address('a.test', '192.0.2.1'),
      address('a.test', '2001:db8::1'),
    );
    assert.deepEqual((await resolverOf(server).services('_x._tcp.test')).services, [
      { priority: 1, weight: 2, port: 443, addresses: [v6, v4] },
    ]);
  });

  it('asks only for the family of which no address came along', async () => {
    const server = await serverWith();
    server.respond = (query) => {
      const answers = query.type === 'SRV' ? [service(query.name, 'a.test')] : [];
      const additionals = query.type === 'SRV' ? [address('a.test', '192.0.2.1')] : [];
      return [response(query, { answers, additionals })];
    };
    const [found] = (await resolverOf(server).services('_x._tcp.test')).services;
    assert.deepEqual(found?.addresses, [v4]);
    assert.equal(server.count('a.test', 'A'), 0);
    assert.equal(server.count('a.test', 'AAAA'), 1);
  });

  it('believes what came along with a service for that service alone', async () => {
    const server = await serverWith();
    server.respond = (query) => {
      const answers =
        query.type === 'SRV' ? [service(query.name, 'a.test')] : [address(query.name, '192.0.2.1')];
      return [response(query, { answers, additionals: [address('a.test', '192.0.2.66')] })];
    };
    const resolver = resolverOf(server);
    await resolver.services('_x._tcp.test');
    assert.deepEqual((await resolver.addresses('a.test')).addresses, [v4]);
  });

  it('says which target has no address', async () => {
    const server = await serverWith(service('_x._tcp.test', 'a.test'), service('_x._tcp.test', 'gone.test'));
    const lookup = await resolverOf(server).services('_x._tcp.test');
    assert.equal(lookup.services.length, 2);
    assert.match(lookup.failure?.why ?? '', /^target (a|gone)\.test: /);
  });

  it('takes a target of "." for no service', async () => {
    const lookup = await resolverOf(await serverWith(service('_x._tcp.test', '.'))).services('_x._tcp.test');
    assert.deepEqual([lookup.services, lookup.absence?.code], [[], 'ENODATA']);
  });

  it('takes no server that is written wrongly', () => {
    assert.throws(() => new NameResolver({ servers: ['dns.example'] }), TypeError);
  });
});
