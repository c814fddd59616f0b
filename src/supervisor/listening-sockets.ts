import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import type { ListenerSnapshot } from '../config/snapshot.ts';
import type { SharedPorts } from '../data-plane/load-plane.ts';
import { bindProblem } from './bind-problem.ts';
import { type BindAddress, BoundSocket } from './bound-socket.ts';
import { dealToAll, openForEach, resize } from './shared-port.ts';

export type OpenedSockets =
  | { readonly ok: true; readonly sockets: ListeningSockets }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * The sockets of every listener, bound before the first worker starts and open until the proxy ends: so a connection
 * that waits to be accepted outlives a worker's crash.
 *
 * With the addon each worker has a socket of its own for each listener (SO_REUSEPORT), and the kernel deals
 * connections out evenly by their hash: the busiest of 4 workers got 1.04 times the mean. On one shared socket, the
 * only kind that Node.js itself can make, it got 2.7 times the mean (native plane; portable: 1.3): the worker that
 * went to sleep last is woken first.
 */
export class ListeningSockets {
  readonly #byListener: ReadonlyMap<string, OpenListener>;

  private constructor(byListener: ReadonlyMap<string, OpenListener>) {
    this.#byListener = byListener;
  }

  /** What is open already. */
  static of(listeners: Iterable<OpenListener>): ListeningSockets {
    return new ListeningSockets(new Map(Array.from(listeners, (each) => [each.listener.name, each])));
  }

  /**
   * All or nothing; every listener that cannot be had is told. Without the addon's `ports`, workers share one socket. A
   * listener at an address that `before` has open gets the very same sockets, with all that waits there.
   */
  static async open(
    listeners: readonly ListenerSnapshot[],
    workerCount: number,
    ports: SharedPorts | undefined,
    before?: ListeningSockets,
  ): Promise<OpenedSockets> {
    const byListener = new Map<string, OpenListener>();
    const problems: string[] = [];
    for (const listener of listeners) {
      try {
        const open = before?.at(listener);
        const sockets = open
          ? resize(open, workerCount, ports)
          : await openListener(listener, workerCount, ports);
        byListener.set(listener.name, { listener, sockets });
      } catch (error) {
        problems.push(bindProblem(listener, error));
      }
    }
    const sockets = new ListeningSockets(byListener);
    if (problems.length === 0) return { ok: true, sockets };
    sockets.closeExcept(before);
    return { ok: false, problems };
  }

  /** The socket of every listener, by the listener's name, that the worker at this index accepts from. */
  *forWorker(workerIndex: number): Generator<[listener: string, socket: BoundSocket]> {
    for (const [listener, { sockets }] of this.#byListener) {
      const socket = sockets[workerIndex % sockets.length];
      if (socket !== undefined) yield [listener, socket];
    }
  }

  /** Where each listener really listens: with the port that the kernel picked for port 0. */
  *addresses(): Generator<[listener: string, address: BindAddress]> {
    for (const [listener, { sockets }] of this.#byListener) {
      const [first] = sockets;
      if (first !== undefined) yield [listener, first.address];
    }
  }

  /** Connections that no worker has accepted are refused when the workers close theirs too. */
  close(): void {
    this.closeExcept(undefined);
  }

  /** Closes those that the others do not have. */
  closeExcept(others: ListeningSockets | undefined): void {
    closeAll(this.except(others));
  }

  /** Those that the others do not have. */
  except(others: ListeningSockets | undefined): BoundSocket[] {
    const kept = new Set(others?.all());
    return [...this.all()].filter((socket) => !kept.has(socket));
  }

  /** Closes these, which somebody else has too; what remains. */
  release(released: ReadonlySet<BoundSocket>): ListeningSockets {
    const remaining = Array.from(this.listeners(), ({ listener, sockets }) => ({
      listener,
      sockets: sockets.filter((socket) => !released.has(socket)),
    }));
    closeAll([...this.all()].filter((socket) => released.has(socket)));
    return ListeningSockets.of(remaining.filter(({ sockets }) => sockets.length > 0));
  }

  /** Nobody else accepts here any more: each socket is ours, and gets its share of the connections. */
  own(ports: SharedPorts | undefined): void {
    for (const socket of this.all()) socket.own();
    this.dealToAll(ports);
  }

  dealToAll(ports: SharedPorts | undefined): void {
    if (ports === undefined) return;
    for (const { sockets } of this.listeners()) dealToAll(sockets, ports);
  }

  listeners(): Iterable<OpenListener> {
    return this.#byListener.values();
  }

  *all(): Generator<BoundSocket> {
    for (const { sockets } of this.#byListener.values()) yield* sockets;
  }

  /** What listens at this address, if that does. Port 0 is a port of the listener's own. */
  at({ name, host, port }: ListenerSnapshot): readonly BoundSocket[] | undefined {
    for (const { listener, sockets } of this.#byListener.values()) {
      const isThere = listener.host === host && listener.port === port;
      if (isThere && (port !== 0 || listener.name === name)) return sockets;
    }
    return undefined;
  }
}

export interface OpenListener {
  /** As it is configured, of which this much counts here. */
  readonly listener: Pick<ListenerSnapshot, 'name' | 'host' | 'port'>;
  readonly sockets: readonly BoundSocket[];
}

async function openListener(
  listener: ListenerSnapshot,
  workerCount: number,
  ports: SharedPorts | undefined,
): Promise<readonly BoundSocket[]> {
  const openAt = (address: BindAddress) =>
    ports === undefined ? [BoundSocket.bind(address)] : openForEach(address, workerCount, ports);
  if (listener.host !== undefined) return openAt(await resolveListener(listener.host, listener.port));
  try {
    return openAt({ address: '::', port: listener.port, family: 6 });
  } catch (error) {
    if (!isWithoutIpv6(error)) throw error;
    return openAt({ address: '0.0.0.0', port: listener.port, family: 4 });
  }
}

/** A name's address is the first that the system gives, IPv4 before IPv6. */
export async function resolveListener(host: string, port: number): Promise<BindAddress> {
  const family = isIP(host);
  if (family === 4 || family === 6) return { address: host, port, family };
  const resolved = await lookup(host, { verbatim: false });
  return { address: resolved.address, port, family: resolved.family === 6 ? 6 : 4 };
}

/** Built without IPv6, or with every IPv6 address turned off. */
function isWithoutIpv6(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
}

function closeAll(sockets: readonly BoundSocket[]): void {
  for (const socket of sockets) socket.close();
}
