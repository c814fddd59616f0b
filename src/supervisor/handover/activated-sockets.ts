import ipaddr from 'ipaddr.js';

import type { ListenerSnapshot } from '../../config/snapshot.ts';
import type { SharedPorts } from '../../data-plane/load-plane.ts';
import { listenerAddress } from '../bind-problem.ts';
import { type BindAddress, BoundSocket } from '../bound-socket.ts';
import { ListeningSockets, type OpenListener, resolveListener } from '../listening-sockets.ts';

export type InheritedSockets =
  | { readonly ok: true; readonly sockets: ListeningSockets }
  /** One line each. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** A socket of systemd's, by sd_listen_fds(3). */
export interface ActivatedDescriptor {
  readonly fd: number;
  /** FileDescriptorName=, or the socket unit's name; empty where nobody has said one. */
  readonly name: string;
}

/** SD_LISTEN_FDS_START. */
const firstDescriptor = 3;

/** Those that are meant for this process. Throws where they cannot be told. */
export function activatedDescriptors(env: NodeJS.ProcessEnv, pid: number): ActivatedDescriptor[] {
  if (env['LISTEN_PID'] !== String(pid)) return [];
  const count = env['LISTEN_FDS'] ?? '';
  if (!/^\d{1,4}$/.test(count))
    throw new Error(`LISTEN_FDS: ${JSON.stringify(count)} is no number of sockets`);
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: Number(count) }, (_, i) => ({ fd: firstDescriptor + i, name: names[i] ?? '' }));
}

/** Finds each one's listener: that of its name, else the one at its address. A socket that is nobody's is a problem. */
export async function matchActivated(
  activated: readonly ActivatedDescriptor[],
  listeners: readonly ListenerSnapshot[],
  ports: SharedPorts | undefined,
): Promise<InheritedSockets> {
  const taken = new Map<ListenerSnapshot, OpenListener>();
  const problems: string[] = [];
  for (const { fd, name } of activated) {
    try {
      const socket = inherit(fd, ports);
      const free = listeners.filter((listener) => !taken.has(listener));
      const listener = free.find((each) => each.name === name) ?? (await listenerAt(socket.address, free));
      if (listener === undefined) throw new Error(nobodyAt(socket.address, listeners));
      taken.set(listener, { listener, sockets: [socket] });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(`socket ${fd} of LISTEN_FDS (${JSON.stringify(name)}): ${why}`);
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, sockets: ListeningSockets.of(taken.values()) };
}

function inherit(fd: number, ports: SharedPorts | undefined): BoundSocket {
  let socket: BoundSocket;
  try {
    socket = BoundSocket.inherit(fd, 'service-manager');
  } catch (error) {
    throw new Error('it is no TCP socket; allowed is ListenStream= with an address and a port', {
      cause: error,
    });
  }
  if (ports?.isListening(fd) === false)
    throw new Error('it does not listen; allowed is ListenStream= with Accept=no');
  return socket;
}

async function listenerAt(
  address: BindAddress,
  listeners: readonly ListenerSnapshot[],
): Promise<ListenerSnapshot | undefined> {
  for (const listener of listeners) {
    if (listener.port === address.port && (await isAt(listener, address.address))) return listener;
  }
  return undefined;
}

/** A listener without a host is content with one family. */
async function isAt({ host, port }: ListenerSnapshot, address: string): Promise<boolean> {
  const wanted = host === undefined ? ['::', '0.0.0.0'] : [(await resolveListener(host, port)).address];
  return wanted.some((each) => ipaddr.parse(each).toString() === ipaddr.parse(address).toString());
}

function nobodyAt({ address, port }: BindAddress, listeners: readonly ListenerSnapshot[]): string {
  const known = listeners.map((listener) => `${listener.name} at ${listenerAddress(listener)}`);
  return (
    `no free listener has its name or its address, ${listenerAddress({ host: address, port })}; ` +
    `name it with FileDescriptorName=, or let it listen where a listener does: ${known.join(', ')}`
  );
}
