import { strict as assert } from 'node:assert';
import net from 'node:net';
import type { DialAddress, ListeningHandle } from '../../src/data-plane/data-plane.ts';

interface BoundHandle extends ListeningHandle {
  getsockname(address: { port?: number }): number;
}

type CreateHandle = (
  address: string,
  port: number,
  family: 4 | 6,
  fd: undefined,
  flags: 0,
) => BoundHandle | number;

/** A socket bound to an ephemeral port, not yet listening, as the supervisor passes them on. */
export function bindLoopback(host: '127.0.0.1' | '::1' | '::' = '127.0.0.1'): {
  readonly handle: ListeningHandle;
  readonly port: number;
} {
  const create: unknown = Reflect.get(net, '_createServerHandle');
  assert.ok(typeof create === 'function', 'node:cluster makes its handles with it');
  const handle = (create as CreateHandle)(host, 0, host === '127.0.0.1' ? 4 : 6, undefined, 0);
  assert.ok(typeof handle === 'object', `cannot bind ${host}: ${handle}`);
  const address: { port?: number } = {};
  handle.getsockname(address);
  assert.ok(address.port);
  return { handle, port: address.port };
}

/** An address where nothing listens: bound and let go. */
export function refusingEndpoint(): DialAddress {
  const { handle, port } = bindLoopback();
  handle.close();
  return { address: '127.0.0.1', port, family: 4 };
}
