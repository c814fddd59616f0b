import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { describe, test } from 'node:test';

import { resolveUser } from '../../src/supervisor/resolve-user.ts';

describe('the user that workers become', {
  skip: process.geteuid ? false : 'this platform has no such users',
}, () => {
  const root = 0;
  const somebody = 4_242;

  test('is nobody else where none is given', () => {
    assert.deepEqual(resolveUser(undefined), { ok: true, credentials: undefined });
  });

  test('is found by name and by number', () => {
    const byName = resolveUser('nobody', root);
    assert.ok(byName.ok && byName.credentials !== undefined);
    assert.equal(byName.credentials.name, 'nobody');
    assert.ok(byName.credentials.uid > 0);
    assert.deepEqual(resolveUser(String(byName.credentials.uid), root), byName);
  });

  test('may be a number without a name', () => {
    const credentials = { uid: somebody, gid: somebody, name: undefined };
    assert.deepEqual(resolveUser(String(somebody), root), { ok: true, credentials });
  });

  test('may be the one that runs already, without any right', () => {
    const { uid } = userInfo();
    assert.deepEqual(resolveUser(String(uid), uid), { ok: true, credentials: undefined });
  });

  test('is refused where there is no such user', () => {
    const resolved = resolveUser('no-such-user', root);
    assert.ok(!resolved.ok);
    assert.match(
      resolved.problem,
      /^user: cannot run workers as "no-such-user": there is no such user; name one/,
    );
  });

  test('is refused to everybody but root', () => {
    const resolved = resolveUser('nobody', somebody);
    assert.ok(!resolved.ok);
    assert.match(resolved.problem, /^user: .*only root can change to another user; start as root or leave/);
  });
});
