import { once } from 'node:events';
import { createServer } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';
import { CertificateAuthority } from '../../src/demo/certificate-authority.ts';
import type { HttpsLoad } from './https-load.ts';

const { hosts, serverPort, serverName }: HttpsLoad = workerData;
const authority = await CertificateAuthority.create('Sluice benchmark');
const certificate = await authority.issue([serverName]);
const body = Buffer.alloc(1024, 'b');
for (const host of hosts) {
  const server = createServer(certificate, (_request, response) => response.end(body));
  server.listen({ host, port: serverPort, backlog: 4096 });
  await once(server, 'listening');
}
parentPort?.postMessage('listening');
