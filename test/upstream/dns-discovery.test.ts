import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { Answer } from 'dns-packet';
import type { EndpointSnapshot } from '../../src/config/snapshot.ts';
import { EndpointDiscovery } from '../../src/upstream/dns/endpoint-discovery.ts';
import { NameResolver } from '../../src/upstream/dns/name-resolver.ts';
import { DiscoveryLog } from './dns-event-log.ts';
import { address, answerFrom, FakeDnsServer, flag, response } from './dns-fake-server.ts';

const open: { close(): unknown }[] = [];

function closedAfterwards<T extends { close(): unknown }>(resource: T): T {
  open.push(resource);
  return resource;
}

/** A server whose records a test may change; TTLs count in tens of milliseconds instead of seconds. */
async function fakeDns(...records: readonly Answer[]) {
  const zone = { records };
  const server = closedAfterwards(await FakeDnsServer.start(answerFrom(() => zone.records)));
  const names = closedAfterwards(
    new NameResolver({
      servers: [server.address],
      hostsPath: '/nowhere',
      resolvConfPath: '/nowhere',
      minTtlMs: 20,
      maxTtlMs: 40,
      maxNegativeTtlMs: 40,
    }),
  );
  return { zone, server, names };
}

function discover(source: EndpointSnapshot, names: NameResolver) {
  const log = new DiscoveryLog();
  const discovery = closedAfterwards(new EndpointDiscovery(source, names, log.tell));
  return { discovery, log };
}

const dnsSource: EndpointSnapshot = { kind: 'dns', name: 'a.test', port: 443, weight: 3 };
const limits = { timeout: 20_000 };

describe('endpoint discovery', () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });

  it('knows an address at once and asks nobody', async () => {
    const { server, names } = await fakeDns();
    const source = { kind: 'address', host: '2001:DB8::1', port: 443, weight: 3 } as const;
    const { discovery, log } = discover(source, names);
    const endpoint = { key: '[2001:db8::1]:443', address: '2001:db8::1', port: 443, family: 6 };
    assert.deepEqual(discovery.endpoints, [{ ...endpoint, weight: 3, priority: 0 }]);
    assert.equal(discovery.state, 'resolved');
    assert.deepEqual([log.events.length, server.seen.length], [0, 0]);
  });

  it('gives every address of a name the weight of the source', limits, async () => {
    const { names } = await fakeDns(address('a.test', '192.0.2.1'), address('a.test', '2001:db8::1'));
    const { endpoints } = await discover(dnsSource, names).log.next('changed');
    assert.deepEqual(endpoints, [
      { key: '192.0.2.1:443', address: '192.0.2.1', port: 443, family: 4, weight: 3, priority: 0 },
      { key: '[2001:db8::1]:443', address: '2001:db8::1', port: 443, family: 6, weight: 3, priority: 0 },
    ]);
  });

  it('looks up the host of an endpoint that has a name', limits, async () => {
    const { names } = await fakeDns(address('a.test', '192.0.2.1'));
    const { log } = discover({ kind: 'address', host: 'A.test', port: 8443, weight: 1 }, names);
    assert.deepEqual(await log.nextKeys(), ['192.0.2.1:8443']);
  });

  it('tells a change once, and nothing where only the order changes', limits, async () => {
    const [one, two, three] = [1, 2, 3].map((host) => address('a.test', `192.0.2.${host}`, 0));
    assert.ok(one && two && three);
    const { zone, server, names } = await fakeDns(one, two);
    const { log } = discover(dnsSource, names);
    assert.deepEqual(await log.nextKeys(), ['192.0.2.1:443', '192.0.2.2:443']);
    zone.records = [two, one];
    await server.whenSeen(server.seen.length + 4);
    zone.records = [two, three];
    assert.deepEqual(await log.nextKeys(), ['192.0.2.2:443', '192.0.2.3:443']);
    assert.equal(log.events.length, 2);
  });

  it('is empty when the name is gone, says so, and goes on when it is back', limits, async () => {
    const record = address('a.test', '192.0.2.1', 0);
    const { zone, names } = await fakeDns(record);
    const { discovery, log } = discover(dnsSource, names);
    await log.next('changed');
    zone.records = [];
    assert.deepEqual(await log.nextKeys(), []);
    const failing = await log.next('failing');
    assert.deepEqual([failing.problem.code, failing.kept, discovery.state], ['ENOTFOUND', 0, 'resolving']);
    zone.records = [record];
    assert.deepEqual(await log.nextKeys(), ['192.0.2.1:443']);
    await log.next('recovered');
    assert.deepEqual([discovery.state, discovery.problem], ['resolved', undefined]);
  });

  it('keeps its endpoints while asking fails, and tells of the failure once', limits, async () => {
    const { server, names } = await fakeDns(address('a.test', '192.0.2.1', 0));
    const { discovery, log } = discover(dnsSource, names);
    await log.next('changed');
    const { respond } = server;
    server.respond = (query) => [response(query, { flags: flag.serverFailure })];
    const failing = await log.next('failing');
    assert.deepEqual([failing.problem.code, failing.kept], ['ESERVFAIL', 1]);
    assert.equal(discovery.endpoints.length, 1);
    await server.whenSeen(server.seen.length + 2);
    server.respond = respond;
    await log.next('recovered');
    assert.deepEqual(
      log.events.map((event) => event.kind),
      ['changed', 'failing', 'recovered'],
    );
  });

  it('is resolving until a lookup succeeds for the first time', limits, async () => {
    const { server, names } = await fakeDns(address('a.test', '192.0.2.1'));
    const { respond } = server;
    server.respond = (query) => [response(query, { flags: flag.serverFailure })];
    const { discovery, log } = discover(dnsSource, names);
    assert.equal((await log.next('failing')).problem.code, 'ESERVFAIL');
    assert.equal(discovery.state, 'resolving');
    server.respond = respond;
    await log.next('changed');
    assert.equal(discovery.state, 'resolved');
  });

  it('asks once for one name, whatever number of sources has it', limits, async () => {
    const { server, names } = await fakeDns(
      address('a.test', '192.0.2.1', 0),
      address('a.test', '2001:db8::1', 0),
    );
    const sources = [443, 8443, 9443].map((port) => discover({ ...dnsSource, port }, names));
    await Promise.all(sources.map(({ log }) => log.next('changed')));
    assert.deepEqual([server.count('a.test', 'A'), server.count('a.test', 'AAAA')], [1, 1]);
    await server.whenSeen(20);
    const rounds = server.count('a.test', 'A');
    assert.ok(Math.abs(server.count('a.test', 'AAAA') - rounds) <= 1, `${rounds} rounds`);
  });

  it('gives SRV targets their priority, port and weight, the first to be used first', limits, async () => {
    const service = (priority: number, weight: number, port: number, target: string): Answer => ({
      type: 'SRV',
      name: '_x._tcp.test',
      ttl: 60,
      data: { priority, weight, port, target },
    });
    const { names } = await fakeDns(
      service(20, 5, 443, 'b.test'),
      service(10, 30, 8443, 'a.test'),
      service(10, 10, 9443, 'a.test'),
      // The same address and port again, less preferred.
      service(30, 99, 8443, 'a.test'),
      address('a.test', '192.0.2.1'),
      address('b.test', '192.0.2.2'),
    );
    const { log } = discover({ kind: 'srv', name: '_x._tcp.test', weight: 2 }, names);
    const { endpoints } = await log.next('changed');
    assert.deepEqual(
      endpoints.map(({ key, priority, weight }) => [key, priority, weight]),
      [
        ['192.0.2.1:8443', 10, 60],
        ['192.0.2.1:9443', 10, 20],
        ['192.0.2.2:443', 20, 10],
      ],
    );
  });

  it('follows the hosts file', limits, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-hosts-'));
    after(() => rmSync(folder, { recursive: true }));
    const hostsPath = join(folder, 'hosts');
    writeFileSync(hostsPath, '192.0.2.7 a.test\n');
    const names = closedAfterwards(new NameResolver({ servers: [], hostsPath, resolvConfPath: '/nowhere' }));
    const { log } = discover(dnsSource, names);
    assert.deepEqual(await log.nextKeys(), ['192.0.2.7:443']);
    writeFileSync(hostsPath, '192.0.2.8 a.test and more\n');
    assert.deepEqual(await log.nextKeys(), ['192.0.2.8:443']);
  });

  it('tells nothing after it is closed from within what it tells', limits, async () => {
    const { zone, names } = await fakeDns(address('a.test', '192.0.2.1', 0));
    const kinds: string[] = [];
    await new Promise<void>((closed) => {
      const discovery = new EndpointDiscovery(dnsSource, names, (event) => {
        kinds.push(event.kind);
        zone.records = [];
        if (kinds.length === 2) {
          discovery.close();
          setImmediate(closed);
        }
      });
    });
    // Without the close, `failing` would follow at once.
    assert.deepEqual(kinds, ['changed', 'changed']);
  });

  it('tells nothing after it is closed, not even what was under way', limits, async () => {
    const { server, names } = await fakeDns(address('a.test', '192.0.2.1', 0));
    const { discovery, log } = discover(dnsSource, names);
    await server.whenSeen(1);
    discovery.close();
    const other = discover({ ...dnsSource, port: 1 }, names);
    await other.log.next('changed');
    other.discovery.close();
    assert.equal(log.events.length, 0);
  });
});
