import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { StuckEndpoint } from '../conformance/stuck-endpoint.ts';
import type { FaultyUpstream } from './fault.ts';

/** A server that does the same with each connection. */
export async function serve(each: (socket: Socket) => void): Promise<FaultyUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    each(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Nobody answers a connection attempt. */
export async function stuck(): Promise<FaultyUpstream> {
  const endpoint = await StuckEndpoint.open();
  return { address: `127.0.0.1:${endpoint.address.port}`, close: () => endpoint.close() };
}

/** Tells when the whole of what it waits for has come. */
export function onBytes(socket: Socket, count: number, then: () => void): void {
  let received = 0;
  socket.on('data', (chunk) => {
    const before = received;
    received += chunk.length;
    if (before < count && received >= count) then();
  });
  socket.resume();
}
