import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { adminAddress, ask, samplesOf, scrape } from '../admin/admin-requests.ts';
import { EchoBackend } from '../e2e/echo.ts';
import { eventually, planes, SluiceProcess } from '../e2e/sluice-process.ts';
import { buildHello, splitIntoRecords } from '../tls/hello-builder.ts';
import { ByteClient } from './byte-client.ts';

const helloTo = (serverName: string) => buildHello({ serverName });
const echoHello = helloTo('echo.test');
const payload = new Uint8Array(5_000).fill(0x61);
/** Nobody listens on port 1. */
const dead = '127.0.0.1:1';
const bigPayload = new Uint8Array(8 * 1024 * 1024).fill(0x62);

for (const dataPlane of planes) {
  describe(`metrics of two workers (${dataPlane} data plane)`, () => {
    let backend: EchoBackend;
    let sluice: SluiceProcess;
    let admin: string;

    before(async () => {
      backend = await EchoBackend.start();
      sluice = await SluiceProcess.serve({
        dataPlane,
        workers: 2,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [
          { name: 'echo', serverNames: ['echo.test'], upstream: 'echo' },
          { name: 'dead', serverNames: ['dead.test'], upstream: 'dead' },
          { name: 'barred', serverNames: ['barred.test'], reject: 'access_denied' },
          { name: 'any', serverNames: ['*.any.test'], upstream: 'any' },
        ],
        upstreams: {
          echo: { endpoints: [backend.address] },
          dead: { endpoints: [dead], health: { passive: false } },
          any: { serverName: { port: 443, allow: ['*.allowed.test'] } },
        },
        admin: { address: '127.0.0.1:0' },
      });
      admin = adminAddress(sluice);
    });
    after(async () => {
      await sluice.end();
      backend.close();
    });

    const ended = async (count: number) => {
      await eventually(`${count} connections have ended`, async () => {
        const counts = Object.values(samplesOf(await scrape(admin), 'sluice_connections_total'));
        return counts.reduce((sum, each) => sum + each, 0) === count;
      });
      return scrape(admin);
    };
    const sent = { echo: 0, dead: 0, barred: 0, any: 0, none: 0 };
    const live: ByteClient[] = [];

    test('are exact to the connection and the byte', async () => {
      const serveOne = async (bytes: Uint8Array) => {
        const client = new ByteClient(sluice.port);
        await client.echo(echoHello);
        await client.echo(bytes);
        await client.end();
        sent.echo += echoHello.length + bytes.length;
      };
      const refuse = async (route: keyof typeof sent, bytes: Uint8Array) => {
        await new ByteClient(sluice.port).refused(bytes);
        sent[route] += bytes.length;
      };
      await Promise.all(Array.from({ length: 20 }, () => serveOne(payload)));
      await serveOne(bigPayload);
      for (let i = 0; i < 2; i++) await refuse('dead', helloTo('dead.test'));
      for (let i = 0; i < 3; i++) await refuse('barred', helloTo('barred.test'));
      await refuse('any', helloTo('x.any.test'));
      for (let i = 0; i < 4; i++) await refuse('none', helloTo(`visitor-${i}.test`));
      await refuse('none', buildHello({}));
      await refuse('none', splitIntoRecords(helloTo('split.test'), [10, 20]));
      await refuse('none', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
      await refuse('none', Uint8Array.of(22, 3, 1, 0, 0));

      const metrics = await ended(35);
      assert.deepEqual(samplesOf(metrics, 'sluice_connections_total'), {
        'listener="edge",route="",outcome="malformed_hello"': 1,
        'listener="edge",route="",outcome="no_route"': 6,
        'listener="edge",route="",outcome="not_tls"': 1,
        'listener="edge",route="any",outcome="name_not_allowed"': 1,
        'listener="edge",route="barred",outcome="rejected"': 3,
        'listener="edge",route="dead",outcome="upstream_unreachable"': 2,
        'listener="edge",route="echo",outcome="ok"': 21,
      });
      assert.deepEqual(samplesOf(metrics, 'sluice_rejected_total'), {
        'listener="edge",reason="malformed_hello"': 1,
        'listener="edge",reason="name_not_allowed"': 1,
        'listener="edge",reason="no_route"': 6,
        'listener="edge",reason="not_tls"': 1,
        'listener="edge",reason="rejected"': 3,
        'listener="edge",reason="upstream_unreachable"': 2,
      });
      assert.deepEqual(samplesOf(metrics, 'sluice_bytes_total'), bytesOf(sent));
      assert.deepEqual(samplesOf(metrics, 'sluice_connect_failures_total'), {
        [`upstream="dead",endpoint="${dead}",reason="ECONNREFUSED"`]: 6,
      });
      assert.deepEqual(samplesOf(metrics, 'sluice_hello_features_total'), {
        'feature="ech"': 0,
        'feature="grease"': 0,
        'feature="multi_record"': 1,
        'feature="no_sni"': 1,
        'feature="post_quantum"': 0,
        'feature="tls13"': 33,
      });
      assert.equal(metrics.get('sluice_hello_bytes_count'), 33);
      assert.equal(metrics.get('sluice_hello_duration_seconds_count{listener="edge"}'), 33);
      assert.deepEqual(samplesOf(metrics, 'sluice_connect_duration_seconds_count'), {
        'upstream="echo"': 21,
      });
      assert.equal(metrics.get('sluice_connection_duration_seconds_count{route="echo"}'), 21);
      assert.deepEqual(samplesOf(metrics, 'sluice_connections_active'), { 'listener="edge"': 0 });
    });

    test('count bytes as they are spliced', async () => {
      const spliced = (await scrape(admin)).get('sluice_spliced_bytes_total') ?? Number.NaN;
      if (dataPlane === 'native') assert.ok(spliced > 0 && spliced <= 2 * bigPayload.length, String(spliced));
      else assert.equal(spliced, 0);
    });

    test('count live connections and their bytes, once', async () => {
      for (let i = 0; i < 6; i++) {
        const client = new ByteClient(sluice.port);
        live.push(client);
        await client.echo(echoHello);
        sent.echo += echoHello.length;
      }
      for (let turn = 0; turn < 2; turn++) {
        const metrics = await scrape(admin);
        assert.deepEqual(samplesOf(metrics, 'sluice_connections_active'), { 'listener="edge"': 6 });
        assert.deepEqual(samplesOf(metrics, 'sluice_endpoint_connections_active'), {
          [`upstream="echo",endpoint="${backend.address}"`]: 6,
          [`upstream="dead",endpoint="${dead}"`]: 0,
          'upstream="any",endpoint=""': 0,
        });
        assert.deepEqual(samplesOf(metrics, 'sluice_bytes_total'), bytesOf(sent));
        assert.equal(metrics.get('sluice_connection_duration_seconds_count{route="echo"}'), 21);
        for (const client of live) await client.echo(payload);
        sent.echo += live.length * payload.length;
      }
    });

    test('say what is served, and by whom', async () => {
      const metrics = await scrape(admin);
      assert.equal(metrics.get(`sluice_data_plane_info{plane="${dataPlane}"}`), 1);
      assert.deepEqual(samplesOf(metrics, 'sluice_endpoint_up'), {
        [`upstream="echo",endpoint="${backend.address}"`]: 1,
        [`upstream="dead",endpoint="${dead}"`]: 1,
      });
      assert.deepEqual(samplesOf(metrics, 'sluice_config_reloads_total'), {
        'result="success"': 0,
        'result="failure"': 0,
      });
      assert.match(Object.keys(samplesOf(metrics, 'sluice_config_info')).join(), /^hash="[0-9a-f]{64}"$/);
      assert.ok((metrics.get('process_resident_memory_bytes') ?? 0) > 0);
    });

    test('never take a label from a client', async () => {
      const { body } = await ask(admin, '/metrics');
      assert.doesNotMatch(body, /visitor|split|x\.any/);
    });

    test('keep what a worker that drains has counted to its end', async () => {
      const [first = 0] = sluice.workerPids;
      process.kill(first, 'SIGTERM');
      await sluice.logged('worker leaves on a signal of its own and is replaced');
      await Promise.all(live.map((client) => client.end()));
      const metrics = await ended(41);
      assert.equal(metrics.get('sluice_connections_total{listener="edge",route="echo",outcome="ok"}'), 27);
      assert.deepEqual(samplesOf(metrics, 'sluice_bytes_total'), bytesOf(sent));
      await sluice.logged('worker ready', 3);
      assert.equal((await scrape(admin)).get('sluice_worker_restarts_total'), 1);
    });

    test('keep what a worker that is killed had reported', async () => {
      const before = await scrape(admin);
      for (const pid of sluice.workerPids) process.kill(pid, 'SIGKILL');
      await sluice.logged('worker died and is replaced', 2);
      await sluice.logged('worker ready', 5);
      const metrics = await scrape(admin);
      for (const name of ['sluice_connections_total', 'sluice_bytes_total', 'sluice_hello_bytes_bucket']) {
        assert.deepEqual(samplesOf(metrics, name), samplesOf(before, name));
      }
      assert.equal(metrics.get('sluice_worker_restarts_total'), 3);
    });
  });
}

/** Only the echo backend answers; nothing was sent to any but with `route`. */
function bytesOf(sent: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(sent).flatMap(([route, up]) => {
    const label = `route="${route === 'none' ? '' : route}"`;
    return [
      [`${label},direction="up"`, up],
      [`${label},direction="down"`, route === 'echo' ? up : 0],
    ];
  });
  return Object.fromEntries(entries);
}
