import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, test } from 'node:test';

import { type AdminExposure, refuse } from '../../src/admin/request-guard.ts';
import { ask } from './admin-requests.ts';
import { onLoopback, withAdmin } from './fake-proxy.ts';

const local: AdminExposure = { isLocal: true, host: '127.0.0.1', token: undefined };
const open: AdminExposure = { isLocal: false, host: 'admin.test', token: undefined };
const guarded: AdminExposure = { ...open, token: 'sesame' };
const reads = false;
const changes = true;

describe('a request to the admin server', () => {
  for (const host of [
    'localhost',
    'localhost:9901',
    'LOCALHOST.',
    'app.localhost:1',
    '127.0.0.1:9901',
    '[::1]:9901',
    '10.1.2.3',
    hostname(),
    `${hostname()}:9901`,
    '',
  ]) {
    test(`is answered with the Host header "${host}"`, () => {
      assert.equal(refuse({ host }, changes, local), undefined);
    });
  }

  for (const host of [
    'evil.test',
    'evil.test:9901',
    'localhost.evil.test',
    'notlocalhost',
    '127.0.0.1.evil.test',
    '[evil]',
    'a:b:c',
  ]) {
    test(`is refused with the Host header "${host}"`, () => {
      for (const what of [reads, changes]) assert.equal(refuse({ host }, what, local)?.status, 403);
    });
  }

  test('may name the host of admin.address', () => {
    assert.equal(refuse({ host: 'Admin.test:9901' }, reads, open), undefined);
    assert.equal(refuse({ host: 'other.test:9901' }, reads, open)?.status, 403);
  });

  test('may come by any name with the token', () => {
    const authorization = 'Bearer sesame';
    assert.equal(refuse({ host: 'other.test', authorization }, changes, guarded), undefined);
    assert.equal(refuse({ host: 'other.test', authorization: 'Bearer wrong' }, reads, guarded)?.status, 403);
  });

  test('that changes something is refused when a page of another site makes it', () => {
    const host = 'localhost:9901';
    const refused = [
      { origin: 'http://evil.test' },
      { origin: 'null' },
      { origin: 'http://localhost:3000' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of refused) {
      assert.equal(refuse({ host, ...headers }, changes, local)?.status, 403, JSON.stringify(headers));
      assert.equal(refuse({ host, ...headers }, reads, local), undefined);
    }
    for (const headers of [
      { origin: 'http://localhost:9901', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      {},
    ]) {
      assert.equal(refuse({ host, ...headers }, changes, local), undefined, JSON.stringify(headers));
    }
  });

  test('that changes something needs the token where other machines may ask', () => {
    const host = 'admin.test';
    assert.equal(refuse({ host }, changes, open)?.status, 403);
    assert.equal(refuse({ host, authorization: 'Bearer sesame' }, changes, open)?.status, 403);
    for (const authorization of [
      undefined,
      '',
      'sesame',
      'Basic sesame',
      'Bearer',
      'Bearer sesam',
      'Bearer sesame2',
      'Bearer Sesame',
    ]) {
      assert.equal(refuse({ host, authorization }, changes, guarded)?.status, 401, authorization);
    }
    for (const authorization of ['Bearer sesame', 'bearer  sesame']) {
      assert.equal(refuse({ host, authorization }, changes, guarded), undefined);
    }
  });

  test('that reads needs no token', () => {
    assert.equal(refuse({ host: 'admin.test' }, reads, guarded), undefined);
  });

  test('needs no token where only this machine may ask', () => {
    assert.equal(refuse({ host: 'localhost' }, changes, { ...guarded, isLocal: true }), undefined);
  });
});

describe('an admin server', () => {
  test('refuses a rebound name and a page of another site', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      assert.equal((await ask(address, '/status', { headers: { host: 'evil.test' } })).status, 403);
      const headers = { origin: 'http://evil.test' };
      const refused = await ask(address, '/drain', { method: 'POST', headers });
      assert.equal(refused.status, 403);
      assert.deepEqual(JSON.parse(refused.body), {
        error: 'a page of another site asks; only this site may change something',
      });
      assert.equal(proxy.drains, 0);
    }));

  for (const [what, host] of [
    ['every address', undefined],
    ['every IPv4 address', '0.0.0.0'],
  ] as const) {
    test(`on ${what} wants the token`, () =>
      withAdmin({ address: { host, port: 0 }, token: 'sesame' }, async (address, proxy) => {
        const at = address.replace(/^.*:/, '127.0.0.1:');
        const without = await ask(at, '/drain', { method: 'POST' });
        assert.deepEqual([without.status, without.headers['www-authenticate']], [401, 'Bearer']);
        assert.equal(proxy.drains, 0);
        const headers = { authorization: 'Bearer sesame' };
        assert.equal((await ask(at, '/drain', { method: 'POST', headers })).status, 200);
        assert.equal((await ask(at, '/status')).status, 200);
        assert.equal(proxy.drains, 1);
      }));
  }

  test('takes the token from the environment where the configuration has none', async () => {
    process.env['SLUICE_ADMIN_TOKEN'] = 'from-outside';
    try {
      await withAdmin({ address: { host: '0.0.0.0', port: 0 }, token: undefined }, async (address) => {
        const at = address.replace(/^.*:/, '127.0.0.1:');
        const headers = { authorization: 'Bearer from-outside' };
        assert.equal((await ask(at, '/drain', { method: 'POST', headers })).status, 200);
        assert.equal((await ask(at, '/drain', { method: 'POST' })).status, 401);
      });
    } finally {
      delete process.env['SLUICE_ADMIN_TOKEN'];
    }
  });

  test('is of this machine alone on ::1, too', () =>
    withAdmin({ address: { host: '::1', port: 0 }, token: undefined }, async (address) => {
      assert.equal((await ask(address, '/drain', { method: 'POST' })).status, 200);
    }));
});
