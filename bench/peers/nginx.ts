import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, type Peer, versionFrom } from './peer.ts';

const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** One upstream a name, so that no address is parsed for each connection. */
export const nginx: Peer = {
  name: 'nginx',
  packages: ['nginx-light', 'libnginx-mod-stream'],
  files: ['nginx', streamModule],
  version: () => (existsSync(streamModule) ? versionFrom('nginx', '-v', /nginx\/(\S+)/) : undefined),
  commandLine(job) {
    const file = join(job.folder, 'nginx.conf');
    writeFileSync(file, configuration(job));
    return ['nginx', '-p', job.folder, '-e', 'stderr', '-c', file];
  },
};

function configuration({ folder, port, workers, maxConnections, routes }: Job): string {
  const upstreams = routes.map(({ endpoint }, i) => `upstream backend${i} { server ${endpoint}; }`);
  const names = routes.map(({ serverName }, i) => `${serverName} backend${i};`);
  return `
load_module ${streamModule};
daemon off;
pid ${folder}/nginx.pid;
error_log stderr crit;
worker_processes ${workers};
worker_rlimit_nofile ${maxConnections * 2 + 100};
events {
  worker_connections ${maxConnections * 2 + 10};
  multi_accept on;
}
stream {
  access_log off;
  map_hash_bucket_size 128;
  ${upstreams.join('\n  ')}
  map $ssl_preread_server_name $backend {
    ${names.join('\n    ')}
  }
  server {
    listen 127.0.0.1:${port} backlog=4096${workers > 1 ? ' reuseport' : ''};
    ssl_preread on;
    proxy_pass $backend;
    proxy_timeout 1h;
    proxy_buffer_size 64k;
    proxy_half_close on;
  }
}
`;
}
