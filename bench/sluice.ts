import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, Peer } from './peers/peer.ts';

export const projectFolder = join(import.meta.dirname, '..');

export interface SluiceSettings {
  /** Where a built Sluice lies. */
  readonly from?: string;
  /** What Node runs; by default the built Sluice. */
  readonly main?: readonly string[] | undefined;
  /** `false`: nobody scrapes or reloads it. */
  readonly adminPort?: number | false;
  /** A file, or `off`. */
  readonly accessLog?: string;
}

/** Sluice as users run it: metrics on, access log off unless a path is given. */
export function sluice(plane: 'native' | 'portable', settings: SluiceSettings = {}): Peer {
  const { from = projectFolder } = settings;
  const main = settings.main ?? [join(from, 'dist/cli/main.js')];
  return {
    name: from === projectFolder ? `sluice ${plane}` : `sluice ${plane} (${from})`,
    packages: [],
    files: [],
    version: () => JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')).version,
    commandLine(job) {
      const file = join(job.folder, 'sluice.json');
      writeFileSync(file, JSON.stringify(configuration(plane, job, settings)));
      return [process.execPath, ...main, 'run', '-c', file];
    },
  };
}

function configuration(plane: string, job: Job, settings: SluiceSettings): object {
  const { adminPort = false, accessLog = 'off' } = settings;
  const names = new Map<string, string[]>();
  for (const { serverName, endpoint } of job.routes) {
    const ofEndpoint = names.get(endpoint);
    if (ofEndpoint === undefined) names.set(endpoint, [serverName]);
    else ofEndpoint.push(serverName);
  }
  return {
    workers: job.workers,
    dataPlane: plane,
    listeners: [{ name: 'edge', address: `127.0.0.1:${job.port}` }],
    routes: [...names].map(([upstream, serverNames]) => ({ serverNames, upstream })),
    upstreams: Object.fromEntries([...names.keys()].map((endpoint) => [endpoint, { endpoints: [endpoint] }])),
    limits: { maxConnections: job.maxConnections },
    admin: { address: adminPort === false ? false : `127.0.0.1:${adminPort}` },
    log: { level: 'error', access: accessLog },
  };
}
