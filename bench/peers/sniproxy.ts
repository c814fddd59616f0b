import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, type Peer, versionFrom } from './peer.ts';

/** It has one worker and few settings. */
export const sniproxy: Peer = {
  name: 'sniproxy',
  packages: ['sniproxy'],
  files: ['sniproxy'],
  version: () => versionFrom('sniproxy', '-V', /sniproxy (\S+)/),
  commandLine(job) {
    const file = join(job.folder, 'sniproxy.conf');
    writeFileSync(file, configuration(job));
    return ['sniproxy', '-f', '-c', file];
  },
};

function configuration({ folder, port, routes }: Job): string {
  const table = routes.map(
    ({ serverName, endpoint }) => `  ${serverName.replaceAll('.', '\\.')} ${endpoint}`,
  );
  return `
user root
pidfile ${folder}/sniproxy.pid
error_log {
  filename ${folder}/error.log
  priority error
}
listener 127.0.0.1:${port} {
  protocol tls
  table names
}
table names {
${table.join('\n')}
}
`;
}
