import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { socketHighWaterMark } from '../../src/data-plane/portable-socket.ts';

/** Both ends of a loopback connection, paused and with the options that the portable plane gives its sockets. */
export async function connectedSockets(): Promise<[near: Socket, far: Socket]> {
  const options = { allowHalfOpen: true, noDelay: true, highWaterMark: socketHighWaterMark };
  const server = createServer({ ...options, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const accepted: Promise<Socket[]> = once(server, 'connection');
  const near = connect({ ...options, host: '127.0.0.1', port }).pause();
  const [far] = await accepted;
  if (near.connecting) await once(near, 'connect');
  server.close();
  if (far === undefined) throw new Error('no connection was accepted');
  for (const socket of [near, far]) socket.on('error', () => {});
  return [near, far];
}
