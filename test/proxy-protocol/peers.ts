import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

/** A proxy of somebody else's that these tests start, with a configuration of their own. */
export interface PeerProgram {
  readonly name: string;
  /** The Debian packages that have it. */
  readonly packages: string;
  isInstalled(): boolean;
  /** The command line that runs it in the foreground. */
  command(folder: string, configFile: string): readonly [program: string, ...arguments: string[]];
}

const { PATH: pathOfUser = '' } = process.env;

/** Debian puts daemons where an ordinary user's PATH does not look. */
const env = { ...process.env, PATH: `${pathOfUser}:/usr/local/sbin:/usr/sbin:/sbin` };

const nginxStreamModule = '/usr/lib/nginx/modules/ngx_stream_module.so';

export const haproxy: PeerProgram = {
  name: 'HAProxy',
  packages: 'haproxy',
  isInstalled: () => spawnSync('haproxy', ['-v'], { env }).status === 0,
  command: (_, configFile) => ['haproxy', '-db', '-f', configFile],
};

export const nginx: PeerProgram = {
  name: 'nginx with its stream module',
  packages: 'nginx libnginx-mod-stream',
  isInstalled: () => spawnSync('nginx', ['-v'], { env }).status === 0 && existsSync(nginxStreamModule),
  command: (folder, configFile) => ['nginx', '-p', folder, '-e', 'stderr', '-c', configFile],
};

/** Whether the nginx that is installed is of this version or a later one. */
export function isNginxSince(...wanted: readonly [major: number, minor: number, patch: number]): boolean {
  const { stderr } = spawnSync('nginx', ['-v'], { env, encoding: 'utf8' });
  const version = /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr)?.slice(1).map(Number) ?? [];
  const differing = wanted.findIndex((part, index) => part !== version[index]);
  return differing < 0 || (version[differing] ?? 0) > (wanted[differing] ?? 0);
}

/** Stream servers, in the foreground and one process. */
export function nginxConfiguration(folder: string, ...servers: readonly string[]): string {
  return `
    load_module ${nginxStreamModule};
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    error_log stderr;
    events {}
    stream { ${servers.map((server) => `server { ${server} }`).join('\n')} }`;
}

/**
 * Adds a test that fails when a program is not installed, or says so where SLUICE_SKIP_PEERS=1 wants to do without.
 * Returns whether the tests against it are to be skipped.
 */
export function testIsInstalled(program: Pick<PeerProgram, 'name' | 'packages' | 'isInstalled'>): {
  readonly skip: boolean;
} {
  const isInstalled = program.isInstalled();
  test(`${program.name} is installed`, (t) => {
    if (isInstalled) return;
    const message = `NOT TESTED AGAINST ${program.name}: apt-get install ${program.packages}`;
    const { SLUICE_SKIP_PEERS: skips } = process.env;
    if (skips !== '1') assert.fail(`${message}, or set SLUICE_SKIP_PEERS=1 to do without`);
    t.diagnostic(message);
    console.error(`\n*** ${message} ***\n`);
  });
  return { skip: !isInstalled };
}

/** An open connection to a port of this machine, `first` on its way. */
export async function connect(port: number, first: Uint8Array | string): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(first);
  return socket;
}

export interface RunningPeer {
  readonly ports: readonly number[];
  readonly folder: string;
  stop(): Promise<void>;
}

/** The configuration's text, given loopback ports that were free a moment ago and an empty folder. */
export type Configure = (ports: readonly number[], folder: string) => string | Promise<string>;

/** Starts the program and waits until it accepts on the first port. Somebody else may take a port first: three attempts. */
export async function startPeer(
  program: PeerProgram,
  portCount: number,
  configure: Configure,
): Promise<RunningPeer> {
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-peer-'));
    const ports = await freePorts(portCount);
    const configFile = join(folder, 'peer.conf');
    await writeFile(configFile, await configure(ports, folder));
    const [file, ...args] = program.command(folder, configFile);
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    const stop = () => stopPeer(child, folder);
    if (await acceptsOn(ports[0] ?? 0, child)) return { ports, folder, stop };
    await stop();
    if (attempt === 3) throw new Error(`${program.name} does not start: ${Buffer.concat(output)}`);
  }
}

async function stopPeer(child: ChildProcess, folder: string): Promise<void> {
  if (isRunning(child)) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true });
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map(portOf);
  for (const server of servers) server.close();
  return ports;
}

export function portOf(server: Server): number {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** False when the program ends or takes longer than 10 s. */
async function acceptsOn(port: number, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + 10_000;
  while (!(await accepts(port))) {
    if (!isRunning(child) || performance.now() > deadline) return false;
    await delay(20);
  }
  return isRunning(child);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
