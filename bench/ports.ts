import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what the kernel gives to outgoing connections, so that none of these takes it. */
const firstPort = 20_000;
const portCount = 10_000;

let next = firstPort + (process.pid % portCount);

/** A port that is free on every loopback address. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < portCount; tries++) {
    next = firstPort + ((next + 1 - firstPort) % portCount);
    if (await isFree(next)) return next;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '0.0.0.0');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
