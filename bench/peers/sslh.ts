import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, type Peer, versionFrom } from './peer.ts';

/** The one-process build; the other forks for each connection. It tries the names one after the other. */
export const sslh: Peer = {
  name: 'sslh',
  packages: ['sslh'],
  files: ['sslh-select'],
  version: () => versionFrom('sslh-select', '-V', /sslh-select v?(\S+)/),
  commandLine(job) {
    const file = join(job.folder, 'sslh.cfg');
    writeFileSync(file, configuration(job));
    return ['sslh-select', '--foreground', `-F${file}`];
  },
};

function configuration({ folder, port, routes }: Job): string {
  const protocols = routes.map(({ serverName, endpoint }) => {
    const [host, to] = endpoint.split(':');
    return `{ name: "tls"; host: "${host}"; port: "${to}"; sni_hostnames: ["${serverName}"]; log_level: 0; }`;
  });
  return `
foreground: true;
numeric: true;
timeout: 5;
user: "root";
pidfile: "${folder}/sslh.pid";
listen: ({ host: "127.0.0.1"; port: "${port}"; });
protocols: (
  ${protocols.join(',\n  ')}
);
`;
}
