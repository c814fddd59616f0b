import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { BlockList, connect, isIPv6 } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';

import type { AdminSnapshot } from '../config/snapshot.ts';
import { type AdminAppOptions, createAdminApp } from './admin-app.ts';

export type AdminStart =
  | { readonly ok: true; readonly server: AdminServer }
  /** One line. `isInUse`: somebody else has the address. */
  | { readonly ok: false; readonly problem: string; readonly isInUse: boolean };

/** A client must have sent its whole request by then: nothing else is on its way here but small ones. */
const requestTimeoutMs = 10_000;
/** Owner and group may connect, nobody else. */
const socketUmask = 0o117;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** The HTTP server for health checks, metrics, status, reload and drain. */
export class AdminServer {
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `unix:/path`, or `host:port` with the port that the kernel picked for port 0. */
  get address(): string {
    const address = this.#server.address();
    if (typeof address === 'string') return `unix:${address}`;
    if (address === null) throw new Error('the admin server is closed');
    const { address: host, port } = address;
    return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  }

  static async start(admin: AdminSnapshot, options: Omit<AdminAppOptions, 'exposure'>): Promise<AdminStart> {
    const token = admin.token ?? process.env['SLUICE_ADMIN_TOKEN'];
    const host = 'host' in admin.address ? admin.address.host : undefined;
    const exposure = () => ({ isLocal: isLocal(server), host, token: token === '' ? undefined : token });
    const app = createAdminApp({ ...options, exposure });
    // Health checks of old send no Host header.
    const server = createAdaptorServer({ fetch: app.fetch, hostname: 'localhost' }) as Server;
    server.requestTimeout = requestTimeoutMs;
    try {
      await listen(server, admin.address);
      return { ok: true, server: new AdminServer(server) };
    } catch (error) {
      const isInUse = codeOf(error) === 'EADDRINUSE';
      return { ok: false, problem: bindProblem(admin.address, error), isInUse };
    }
  }

  /** Another server can have the address; what is being answered goes on. */
  leave(): void {
    this.#closed ??= new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Ends what is being answered, too. */
  async close(): Promise<void> {
    this.leave();
    this.#server.closeAllConnections();
    await this.#closed;
  }
}

async function listen(server: Server, address: AdminSnapshot['address']): Promise<void> {
  if (!('socketPath' in address)) {
    server.listen({ ...(address.host !== undefined && { host: address.host }), port: address.port });
    await once(server, 'listening');
    return;
  }
  await removeStaleSocket(address.socketPath);
  // The socket is made with its permissions, within the call.
  const umask = process.umask(socketUmask);
  try {
    server.listen({ path: address.socketPath });
  } finally {
    process.umask(umask);
  }
  await once(server, 'listening');
}

/** What a process that was killed has left behind: a socket on which nobody answers. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const probe = connect({ path });
  try {
    await once(probe, 'connect');
  } catch (error) {
    if (codeOf(error) === 'ECONNREFUSED') unlinkSync(path);
  } finally {
    probe.destroy();
  }
}

/** Only once it is bound: what a name means is known then. */
function isLocal(server: Server): boolean {
  const address = server.address();
  if (typeof address === 'string') return true;
  return address !== null && loopback.check(address.address, isIPv6(address.address) ? 'ipv6' : 'ipv4');
}

function bindProblem(address: AdminSnapshot['address'], error: unknown): string {
  const where =
    'socketPath' in address ? `unix:${address.socketPath}` : `${address.host ?? ''}:${address.port}`;
  const code = codeOf(error);
  const why =
    code === 'EADDRINUSE'
      ? 'the address is already in use'
      : error instanceof Error
        ? error.message
        : String(error);
  return (
    `admin.address: cannot listen on ${where}: ${why}${code === undefined ? '' : ` (${code})`}; ` +
    'choose another address, or false for no admin server (without a file: --admin ADDRESS, or --admin off)'
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
