import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Command, InvalidArgumentError } from 'commander';

import type { AdminServer } from '../admin/admin-server.ts';
import { checkConfig } from '../config/load.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { type Start, Supervisor } from '../supervisor/supervisor.ts';
import { CommandFailure } from './command-failure.ts';
import { createProcessLog } from './process-log.ts';
import { startAdmin } from './start-admin.ts';
import { stopOnSignals } from './stop-on-signals.ts';

const defaultPort = 8443;
const names = ['shop.test', 'api.test'] as const;

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .summary('try the proxy with two TLS backends of its own')
    .description('Starts two TLS backends, the proxy in front of them, and prints curl lines to try.')
    .option(
      '--port <port>',
      `the proxy's port [${defaultPort}, or a free one where that is taken]`,
      parsePort,
    )
    .action(({ port }: { readonly port?: number }) => demo(port));
}

async function demo(port: number | undefined): Promise<void> {
  const log = createProcessLog('warn');
  const supervisor = new Supervisor(log);
  const stopping = stopOnSignals(supervisor, log, ['SIGTERM', 'SIGINT', 'SIGHUP']);
  const backends = await startBackends();
  let admin: AdminServer | undefined;
  try {
    const endpoints = new Map(backends.running.map(({ name, backend }) => [name, backend.address]));
    const snapshot = demoSnapshot(port ?? (await freePort(defaultPort)), endpoints);
    admin = await startAdmin(snapshot.admin, { supervisor, stopping, log });
    const start = await supervisor.start(snapshot);
    if (start.ok)
      process.stdout.write(instructions(start, snapshot, writeAuthority(backends.certificatePem), admin));
    else if (!supervisor.isStopping)
      throw new CommandFailure(start.problems.map((line) => `sluice: ${line}`).join('\n'));
    await stopping.done;
  } finally {
    await admin?.close();
    for (const { backend } of backends.running) backend.close();
  }
}

/** Loaded only here: certificates take a library that the proxy itself has no use for. */
async function startBackends() {
  const { CertificateAuthority } = await import('../demo/certificate-authority.ts');
  const { DemoBackend } = await import('../demo/demo-backend.ts');
  const authority = await CertificateAuthority.create('Sluice demo authority');
  const running = await Promise.all(
    names.map(async (name) => ({
      name,
      backend: await DemoBackend.start(name, await authority.issue([name])),
    })),
  );
  return { certificatePem: authority.certificatePem, running };
}

/** curl wants a file; only this user may see the folder, and it goes with the process. */
function writeAuthority(certificatePem: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, certificatePem);
  return file;
}

function demoSnapshot(port: number, endpoints: ReadonlyMap<string, string>): Snapshot {
  const checked = checkConfig({
    workers: 2,
    listeners: [{ name: 'demo', address: `127.0.0.1:${port}` }],
    routes: [...endpoints.keys()].map((name) => ({ serverNames: [name], upstream: name })),
    upstreams: Object.fromEntries([...endpoints].map(([name, address]) => [name, { endpoints: [address] }])),
    timeouts: { drain: '1s' },
    admin: { address: '127.0.0.1:0' },
  });
  if (!checked.ok) throw new Error(checked.findings.map(({ message }) => message).join('; '));
  return checked.snapshot;
}

function instructions(
  { served, plane }: Start & { ok: true },
  { workers }: Snapshot,
  caFile: string,
  admin: AdminServer | undefined,
): string {
  const port = served[0]?.address.port ?? 0;
  const curl = (name: string, flags = '') =>
    `  curl ${flags}--cacert ${caFile} --connect-to ${name}:443:127.0.0.1:${port} https://${name}/`;
  return `Sluice demo: ${names.join(' and ')} behind 127.0.0.1:${port} (${plane} data plane, ${workers} workers).

Try in another terminal:
${names.map((name) => curl(name)).join('\n')}
${curl(names[0], '--http1.1 ')}
${curl(names[0], '--tls-max 1.2 ')}
A name without a route is refused with the TLS alert unrecognized_name:
${curl('unknown.test')}
What the proxy says of itself, as a table, and as metrics for Prometheus:
  sluice status --admin ${admin?.address}
  http://${admin?.address}/metrics

The access log follows, a line for each connection that ends. Ctrl-C ends everything.
`;
}

/** `wanted`, or 0 for any where something listens there. */
async function freePort(wanted: number): Promise<number> {
  const probe = createServer();
  try {
    probe.listen(wanted, '127.0.0.1');
    await once(probe, 'listening');
    return wanted;
  } catch {
    return 0;
  } finally {
    probe.close();
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new InvalidArgumentError('Allowed are 0 to 65535; 0 is any free port.');
  }
  return port;
}
