import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { createTestAuthority, type TestAuthority } from '../certificates.ts';
import { digestOfOutput, outputFor, runCommand } from './command.ts';
import { bytes, digestOf, HttpsBackend } from './https-backend.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const { SLUICE_E2E_BIG: big } = process.env;
const bulkBytes = big ? 1024 ** 3 : 64 * 1024 ** 2;

let authority: TestAuthority;
let shop: HttpsBackend;
let api: HttpsBackend;
let deadAddress: string;
const certificates = new Map<string, string>();

before(async () => {
  authority = await createTestAuthority();
  const start = async (name: string) => {
    const certificate = await authority.authority.issue([name]);
    certificates.set(name, certificate.cert);
    return HttpsBackend.start(name, certificate);
  };
  [shop, api] = await Promise.all([start('shop.test'), start('api.test')]);
  deadAddress = await addressWhereNobodyListens();
});

after(async () => {
  await Promise.all([shop.close(), api.close(), authority.remove()]);
});

for (const plane of planes) {
  describe(`real clients through the ${plane} data plane`, () => {
    let sluice: SluiceProcess;

    before(async () => {
      sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [
          { serverNames: ['shop.test'], upstream: 'shop' },
          { serverNames: ['api.test'], upstream: 'api' },
          { serverNames: ['half-dead.test'], upstream: 'half-dead' },
          { serverNames: ['dead.test'], upstream: 'dead' },
        ],
        upstreams: {
          shop: { endpoints: [shop.address] },
          api: { endpoints: [api.address] },
          'half-dead': { endpoints: [deadAddress, shop.address] },
          dead: { endpoints: [deadAddress] },
        },
      });
    });

    after(() => sluice.end());

    const curlArguments = (name: string, flags: readonly string[], path = '/', host = name) => [
      ...['--silent', '--show-error', '--cacert', authority.caFile],
      ...['--connect-to', `${host}:443:127.0.0.1:${sluice.port}`, ...flags, `https://${host}${path}`],
    ];

    test('is the plane that was asked for', () => {
      assert.equal(sluice.serving.dataPlane, plane);
    });

    for (const [version, flags] of [
      ['TLSv1.2', ['--tls-max', '1.2']],
      ['TLSv1.3', ['--tlsv1.3']],
    ] as const) {
      for (const [http, flag] of [
        ['HTTP/1.1', '--http1.1'],
        ['HTTP/2.0', '--http2'],
      ] as const) {
        test(`curl reaches each backend by ${version} and ${http}`, async () => {
          for (const name of ['shop.test', 'api.test']) {
            const curl = await runCommand('curl', curlArguments(name, [...flags, flag, '--verbose']));
            assert.equal(curl.stdout, `${name} by ${http}`, curl.stderr);
            assert.match(curl.stderr, new RegExp(`SSL connection using ${version}`));
          }
        });
      }
    }

    for (const name of ['shop.test', 'api.test']) {
      test(`openssl is shown the certificate of ${name} itself`, async () => {
        const at = ['-connect', `127.0.0.1:${sluice.port}`, '-servername', name];
        const trust = ['-CAfile', authority.caFile, '-verify_hostname', name, '-verify_return_error'];
        const { code, stdout, stderr } = await runCommand('openssl', ['s_client', ...at, ...trust]);
        assert.equal(code, 0, stderr);
        assert.ok(stdout.includes((certificates.get(name) ?? 'none').trim()), stdout);
      });
    }

    test('an unknown name gets the alert unrecognized_name', async () => {
      const { code, stderr } = await runCommand('curl', curlArguments('unknown.test', []));
      assert.equal(code, 35, stderr);
      assert.match(stderr, /unrecognized name/);
    });

    test('a client finds the live endpoint beside a dead one', async () => {
      for (let turn = 0; turn < 4; turn++) {
        const flags = ['--insecure'];
        const { stdout, stderr } = await runCommand('curl', curlArguments('half-dead.test', flags));
        assert.equal(stdout, 'shop.test by HTTP/2.0', stderr);
      }
    });

    test('a client of nothing but dead endpoints gets the alert internal_error', async () => {
      const { code, stderr } = await runCommand('curl', curlArguments('dead.test', ['--insecure']));
      assert.equal(code, 35, stderr);
      assert.match(stderr, /internal error/);
    });

    for (const flag of ['--http1.1', '--http2']) {
      test(`${bulkBytes / 1024 ** 2} MiB come down byte by byte (curl ${flag})`, async () => {
        const digest = await digestOfOutput(
          'curl',
          curlArguments('shop.test', [flag], `/bytes/${bulkBytes}`),
        );
        assert.equal(digest, await digestOf(bytes(bulkBytes)));
      });
    }

    test(`${bulkBytes / 1024 ** 2} MiB go up byte by byte`, async () => {
      const flags = ['--http1.1', '--request', 'POST', '--header', 'expect:', '--upload-file', '-'];
      const digest = await outputFor('curl', curlArguments('shop.test', flags), bytes(bulkBytes));
      assert.equal(digest, await digestOf(bytes(bulkBytes)));
    });

    test('every connection is in the access log on stdout', async () => {
      await runCommand('curl', curlArguments('shop.test', ['--tls-max', '1.2', '--user-agent', 'logged']));
      const line = await sluice.printed(/"serverName":"shop.test".*"tlsVersion":"1.2"/);
      const { outcome, route, endpoint } = JSON.parse(line);
      assert.deepEqual(
        { outcome, route, endpoint },
        { outcome: 'ok', route: 'shop.test', endpoint: shop.address },
      );
    });
  });
}

/** A port that was free a moment ago. */
async function addressWhereNobodyListens(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `127.0.0.1:${address.port}`;
}
