import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EndpointSnapshot } from '../../src/config/snapshot.ts';
import { EndpointDiscovery } from '../../src/upstream/dns/endpoint-discovery.ts';
import { NameResolver } from '../../src/upstream/dns/name-resolver.ts';
import { DiscoveryLog } from './dns-event-log.ts';
import { Knot, knotIsMissing } from './dns-knot.ts';

const missing = await knotIsMissing();

it('finds Knot DNS to test against', (t) => {
  if (missing !== undefined) {
    const { SLUICE_SKIP_PEERS: skips } = process.env;
    assert.equal(skips, '1', `${missing}, or set SLUICE_SKIP_PEERS=1 to do without`);
    t.diagnostic(`NOT TESTED AGAINST a real DNS server: ${missing}`);
    console.error(`\n*** NOT TESTED AGAINST a real DNS server: ${missing} ***\n`);
  }
});

describe('endpoint discovery with Knot DNS', { skip: missing !== undefined, timeout: 60_000 }, () => {
  let knot: Knot;
  let names: NameResolver;
  let discovery: EndpointDiscovery | undefined;

  before(async () => {
    knot = await Knot.start([]);
    names = new NameResolver({
      servers: [knot.address],
      hostsPath: '/nowhere',
      resolvConfPath: '/nowhere',
    });
  });
  after(async () => {
    discovery?.close();
    names.close();
    await knot.close();
  });

  function discover(source: EndpointSnapshot) {
    discovery?.close();
    const log = new DiscoveryLog();
    discovery = new EndpointDiscovery(source, names, log.tell);
    return { discovery, log };
  }

  it('follows a change within the TTL and a second', async () => {
    await knot.serve(['a 1 A 127.0.0.2', 'a 1 AAAA ::2']);
    const { log } = discover({ kind: 'dns', name: 'a.test', port: 443, weight: 1 });
    assert.deepEqual(await log.nextKeys(), ['127.0.0.2:443', '[::2]:443']);
    for (const host of [3, 4]) {
      await knot.serve([`a 1 A 127.0.0.${host}`, 'a 1 AAAA ::2']);
      const changedAtMs = performance.now();
      assert.deepEqual(await log.nextKeys(), [`127.0.0.${host}:443`, '[::2]:443']);
      const followedMs = performance.now() - changedAtMs;
      assert.ok(followedMs < 2000, `followed after ${followedMs} ms`);
    }
  });

  it('looks again within the TTL of an alias', async () => {
    await knot.serve(['b 1 CNAME c', 'c 3600 A 127.0.0.2', 'd 3600 A 127.0.0.3']);
    const { log } = discover({ kind: 'dns', name: 'b.test', port: 443, weight: 1 });
    assert.deepEqual(await log.nextKeys(), ['127.0.0.2:443']);
    await knot.serve(['b 1 CNAME d', 'c 3600 A 127.0.0.2', 'd 3600 A 127.0.0.3']);
    assert.deepEqual(await log.nextKeys(), ['127.0.0.3:443']);
  });

  it('follows SRV records and their targets', async () => {
    const [one, two] = ['one 1 A 127.0.0.2', 'two 1 A 127.0.0.3'];
    await knot.serve([one, two, '_x._tcp 1 SRV 10 30 8443 one']);
    const { log } = discover({ kind: 'srv', name: '_x._tcp.test', weight: 1 });
    const shapes = async () =>
      (await log.next('changed')).endpoints.map((endpoint) => [
        endpoint.key,
        endpoint.priority,
        endpoint.weight,
      ]);
    assert.deepEqual(await shapes(), [['127.0.0.2:8443', 10, 30]]);
    await knot.serve([one, two, '_x._tcp 1 SRV 10 30 8443 one', '_x._tcp 1 SRV 20 5 443 two']);
    assert.deepEqual(await shapes(), [
      ['127.0.0.2:8443', 10, 30],
      ['127.0.0.3:443', 20, 5],
    ]);
    await knot.serve(['one 1 A 127.0.0.9', two, '_x._tcp 1 SRV 10 30 8443 one']);
    assert.deepEqual(await shapes(), [['127.0.0.9:8443', 10, 30]]);
    await knot.serve(['_x._tcp 1 SRV 0 0 0 .']);
    assert.deepEqual(await shapes(), []);
    assert.equal((await log.next('failing')).problem.code, 'ENODATA');
  });

  it('finds a name that did not exist within the negative TTL and a second', async () => {
    await knot.serve([]);
    const { discovery: watching, log } = discover({ kind: 'dns', name: 'new.test', port: 443, weight: 1 });
    assert.equal((await log.next('failing')).problem.code, 'ENOTFOUND');
    assert.equal(watching.state, 'resolving');
    await knot.serve(['new 1 A 127.0.0.2']);
    const changedAtMs = performance.now();
    assert.deepEqual(await log.nextKeys(), ['127.0.0.2:443']);
    assert.ok(performance.now() - changedAtMs < 2000);
  });

  it('keeps the endpoints while the server is gone, and recovers with it', async () => {
    await knot.serve(['a 1 A 127.0.0.2']);
    const { discovery: watching, log } = discover({ kind: 'dns', name: 'a.test', port: 443, weight: 1 });
    await log.next('changed');
    await knot.pause();
    const failing = await log.next('failing');
    assert.equal(failing.kept, 1);
    assert.equal(watching.state, 'resolved');
    await knot.resume();
    await log.next('recovered');
    assert.equal(watching.endpoints.length, 1);
  });

  it('reads an answer that is too long for UDP', async () => {
    const hosts = Array.from({ length: 254 }, (_, host) => `many 1 A 127.0.1.${host + 1}`);
    await knot.serve(hosts);
    const { log } = discover({ kind: 'dns', name: 'many.test', port: 443, weight: 1 });
    assert.equal((await log.next('changed')).endpoints.length, 254);
  });

  it('tells a server that fails from a name that does not exist', async () => {
    const { log } = discover({ kind: 'dns', name: 'a.broken', port: 443, weight: 1 });
    assert.equal((await log.next('failing')).problem.code, 'ESERVFAIL');
  });
});
