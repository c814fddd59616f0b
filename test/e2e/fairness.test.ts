import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';

import { EchoBackend, EchoClient } from './echo.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const connections = 2_000;
const atOnce = 64;
/** Of the mean, for the busiest worker. */
const mostShare = 1.25;

describe('connections are dealt out to the workers evenly', {
  skip: process.platform === 'linux' ? false : 'only where each worker can have a socket of its own',
}, () => {
  for (const plane of planes) {
    for (const workers of [2, 4]) {
      test(`${connections} connections to ${workers} workers (${plane} data plane)`, async () => {
        const backend = await EchoBackend.start();
        const sluice = await SluiceProcess.serve({
          workers,
          dataPlane: plane,
          listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
          routes: [{ upstream: 'echo' }],
          upstreams: { echo: { endpoints: [backend.address] } },
          log: { access: 'off' },
        });
        const clients: EchoClient[] = [];
        try {
          const before = sluice.workerPids.map(countSockets);
          await Promise.all(Array.from({ length: atOnce }, () => openInTurn(sluice.port, clients)));
          // Each connection is two sockets of its worker.
          const counts = sluice.workerPids.map((pid, i) => (countSockets(pid) - (before[i] ?? 0)) / 2);
          const mean = connections / workers;
          assert.equal(
            counts.reduce((sum, count) => sum + count, 0),
            connections,
          );
          assert.ok(Math.max(...counts) <= mostShare * mean, `dealt out as ${counts.join(', ')}`);
        } finally {
          for (const client of clients) client.destroy();
          backend.close();
          await sluice.end();
        }
      });
    }
  }
});

/** Opens connections one after the other, each once the one before is forwarded, until there are enough. */
async function openInTurn(port: number, clients: EchoClient[]): Promise<void> {
  while (clients.length < connections) {
    const client = new EchoClient(port);
    clients.push(client);
    await client.echo('hello');
  }
}

function countSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => readlinkSync(`${folder}/${fd}`).startsWith('socket:')).length;
}
