import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  parseAdminAddress,
  parseDialAddress,
  parseListenAddress,
  parseNameWithPort,
  parseService,
} from '../../src/config/address.ts';
import type { Parsed } from '../../src/config/parsed.ts';

function value<T>(result: Parsed<T>): T {
  if (!result.ok) assert.fail(result.problem);
  return result.value;
}

/** What is wrong, without what is allowed. */
function wrong(result: Parsed<unknown>): string {
  if (result.ok) assert.fail('is allowed');
  assert.match(result.problem, /; allowed are /);
  return result.problem.replace(/; allowed are .*/, '');
}

describe('addresses', () => {
  it('to listen on may leave out the host, and may have port 0', () => {
    assert.deepEqual(value(parseListenAddress(':443')), { host: undefined, port: 443 });
    assert.deepEqual(value(parseListenAddress('127.0.0.1:0')), { host: '127.0.0.1', port: 0 });
    assert.deepEqual(value(parseListenAddress('[::]:65535')), { host: '::', port: 65535 });
    assert.deepEqual(value(parseListenAddress('localhost:443')), { host: 'localhost', port: 443 });
    assert.deepEqual(value(parseListenAddress('[fe80::1%eth0]:443')), { host: 'fe80::1%eth0', port: 443 });
  });

  it('are put into one form', () => {
    assert.equal(value(parseListenAddress('[2001:DB8:0:0::1]:443')).host, '2001:db8::1');
    assert.equal(value(parseDialAddress('App.Internal:1')).host, 'app.internal');
  });

  it('to connect to are an IP address or a name', () => {
    assert.deepEqual(value(parseDialAddress('10.0.0.1:8443')), {
      host: '10.0.0.1',
      isName: false,
      port: 8443,
    });
    assert.deepEqual(value(parseDialAddress('[::1]:1')), { host: '::1', isName: false, port: 1 });
    assert.deepEqual(value(parseDialAddress('my_app:80')), { host: 'my_app', isName: true, port: 80 });
    assert.deepEqual(value(parseDialAddress('a.b.:80')), { host: 'a.b.', isName: true, port: 80 });
    assert.deepEqual(value(parseNameWithPort('a.b:80')), { host: 'a.b', isName: true, port: 80 });
  });

  it('of the admin server may be the path of a socket', () => {
    assert.deepEqual(value(parseAdminAddress('unix:/run/s.sock')), { socketPath: '/run/s.sock' });
    assert.deepEqual(value(parseAdminAddress('127.0.0.1:9901')), { host: '127.0.0.1', port: 9901 });
    assert.equal(wrong(parseAdminAddress('unix:')), '"unix:" has no path');
    assert.deepEqual(value(parseAdminAddress(`unix:${'é'.repeat(53)}`)), { socketPath: 'é'.repeat(53) });
    assert.equal(wrong(parseAdminAddress(`unix:${'é'.repeat(54)}`)), 'has a path of 108 bytes');
  });

  it('are refused with the part that is wrong', () => {
    assert.equal(wrong(parseListenAddress('')), '"" has no port');
    assert.equal(wrong(parseListenAddress('443')), '"443" has no port');
    assert.equal(wrong(parseListenAddress('[::1]')), '"[::1]" has a host that is no name and no IP address');
    assert.equal(wrong(parseListenAddress('::1:443')), '"::1:443" has an IPv6 address without brackets');
    assert.equal(
      wrong(parseListenAddress('2001:db8::1:443')),
      '"2001:db8::1:443" has an IPv6 address without brackets',
    );
    for (const host of [
      '*',
      '256.1.1.1',
      '1.2.3',
      '010.0.0.1',
      '[1.2.3.4]',
      '[::1',
      'a..b',
      'a b',
      'http://a',
      'é',
      'a/b',
      '.',
    ]) {
      const text = `${host}:443`;
      assert.equal(wrong(parseListenAddress(text)), `"${text}" has a host that is no name and no IP address`);
    }
    for (const port of ['', 'x', '65536', '-1', '1.5', '0x1', ' 1', '1 ', '000001']) {
      const text = `a:${port}`;
      assert.equal(
        wrong(parseListenAddress(text)),
        `"${text}" has a port that is not a number from 0 to 65535`,
      );
    }
    assert.equal(wrong(parseDialAddress('a:0')), '"a:0" has a port that is not a number from 1 to 65535');
    assert.equal(wrong(parseDialAddress(':443')), '":443" has no host');
    assert.equal(
      wrong(parseNameWithPort('10.0.0.1:80')),
      '"10.0.0.1:80" is an IP address, which needs no DNS',
    );
    assert.equal(
      wrong(parseDialAddress(`${'a'.repeat(64)}:1`)),
      `"${'a'.repeat(60)}…" has a host that is no name and no IP address`,
    );
  });

  it('of services are the names of SRV records', () => {
    assert.equal(value(parseService('_https._tcp.App.internal')), '_https._tcp.app.internal');
    for (const text of [
      '',
      'app.internal',
      '_https.app.internal',
      '_https._tcp',
      '_https._tcp.',
      '_https._tcp.1.2.3.4',
      '_a._b.c:443',
    ]) {
      assert.equal(wrong(parseService(text)), `"${text}" is not the name of a service`, text);
    }
  });
});
