import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, type Peer, versionFrom } from './peer.ts';

/**
 * Splices both ways, as its manual advises for large transfers; the backend comes from a map, one lookup for any number
 * of names. The pipes are as large as Sluice's.
 */
export const haproxy: Peer = {
  name: 'haproxy',
  packages: ['haproxy'],
  files: ['haproxy'],
  version: () => versionFrom('haproxy', '-v', /version (\S+)/),
  commandLine(job) {
    const map = join(job.folder, 'names.map');
    writeFileSync(map, job.routes.map(({ serverName }, i) => `${serverName} backend${i}\n`).join(''));
    const file = join(job.folder, 'haproxy.cfg');
    writeFileSync(file, configuration(job, map));
    return ['haproxy', '-db', '-f', file];
  },
};

function configuration(job: Job, map: string): string {
  const backends = job.routes.map(({ endpoint }, i) => `backend backend${i}\n  server only ${endpoint}\n`);
  return `
global
  nbthread ${job.workers}
  maxconn ${job.maxConnections}
  tune.pipesize 262144
defaults
  mode tcp
  maxconn ${job.maxConnections}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option splice-request
  option splice-response
  option tcp-smart-accept
  option tcp-smart-connect
frontend edge
  bind 127.0.0.1:${job.port} backlog 4096
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  use_backend %[req.ssl_sni,lower,map_str(${map})]
${backends.join('')}`;
}
