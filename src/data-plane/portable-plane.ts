import type { Socket } from 'node:net';
import type {
  Connection,
  DataPlane,
  Decision,
  Ending,
  ListeningSocket,
  PlaneListener,
  Policy,
  SharedLimit,
} from './data-plane.ts';
import type { Outcome } from './outcome.ts';
import { type AcceptedSocket, PortableConnection } from './portable-connection.ts';
import { PortableListener } from './portable-listener.ts';
import { GuardedPolicy } from './portable-policy.ts';
import { type Member, PortableRoster } from './portable-roster.ts';
import { remoteAddress } from './portable-socket.ts';

/** How many may wait past `maxConnections`: about what an accept queue holds. Whoever comes then is turned away. */
const maxWaiting = 1024;
/** Another process's ending wakes nobody here: how often this one looks whether there is room again. */
const roomRetryMs = 10;

interface Client extends Member {
  readonly socket: Socket;
}

export interface PortablePlaneOptions {
  readonly policy: Policy;
  /** Told when the policy throws, or asks for a dial that cannot be; by default a process warning. */
  readonly onPolicyError?: (error: unknown) => void;
}

/** The data plane for every platform, on `node:net`. A connection's life is in `portable-connection.ts`. */
export class PortablePlane implements DataPlane {
  readonly kind = 'portable';
  readonly #policy: Policy;
  readonly #onPolicyError: (error: unknown) => void;
  readonly #listeners = new Map<PlaneListener, PortableListener>();
  /** Listeners that accept no more, until the last socket they accepted is closed. */
  readonly #stopped = new Set<PortableListener>();
  readonly #connections = new PortableRoster<PortableConnection>();
  /** Every accepted socket that is open, those of rejected connections and those that wait included. */
  readonly #clients = new PortableRoster<Client>();
  /** `net.Server` cannot pause accepting, so whoever comes past `maxConnections` waits here, unread. */
  #waiting: (() => void)[] = [];
  #maxConnections = Number.POSITIVE_INFINITY;
  #shared: SharedLimit | undefined;
  /** While this process waits for the others' connections to end. */
  #roomTimer: NodeJS.Timeout | undefined;

  constructor({ policy, onPolicyError = warn }: PortablePlaneOptions) {
    this.#policy = new GuardedPolicy(policy, onPolicyError);
    this.#onPolicyError = onPolicyError;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get isIdle(): boolean {
    return this.#connections.size === 0 && this.#clients.size === 0;
  }

  listen(listener: PlaneListener, socket: ListeningSocket): void {
    const accepting = new PortableListener(socket, (client) => this.#onAccepted(listener, client));
    this.#listeners.set(listener, accepting);
  }

  stopListening(listener: PlaneListener): void {
    const accepting = this.#listeners.get(listener);
    if (accepting === undefined) return;
    this.#listeners.delete(listener);
    this.#stopped.add(accepting);
    void accepting.closed.then(() => this.#stopped.delete(accepting));
    accepting.stop();
  }

  answer(connection: Connection, decision: Decision): void {
    if (connection instanceof PortableConnection) connection.answer(decision);
  }

  abort(connection: Connection, outcome: Outcome): void {
    if (connection instanceof PortableConnection) connection.abort(outcome);
  }

  connections(): Iterable<Connection> {
    return this.#connections.all();
  }

  setMaxConnections(maxConnections: number, shared?: SharedLimit): void {
    this.#maxConnections = maxConnections;
    this.#waitNoMore();
    if (shared === undefined) this.#shared?.hold(0);
    this.#shared = shared;
    shared?.hold(this.#connections.size);
    this.#serveWaiting();
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners.keys()) this.stopListening(listener);
    this.#waiting = [];
    this.#waitNoMore();
    for (const connection of this.#connections.all()) connection.abort('drained');
    for (const { socket } of this.#clients.all()) socket.destroy();
    await Promise.all(Array.from(this.#stopped, (listener) => listener.closed));
  }

  #onAccepted(listener: PlaneListener, client: Socket): void {
    const entry = { socket: client, place: -1 };
    this.#clients.add(entry);
    client.on('close', () => this.#clients.delete(entry));
    // A socket that is reset while it waits has an address no more.
    const accepted = { listener, client, address: remoteAddress(client) };
    if (this.#waiting.length === 0 && this.#takeRoom()) this.#serve(accepted);
    else if (this.#waiting.length < maxWaiting) this.#waiting.push(() => this.#serve(accepted));
    else client.destroy();
  }

  #serve(accepted: AcceptedSocket): void {
    const connection = new PortableConnection(accepted, this.#policy, this.#onEnded);
    this.#connections.add(connection);
    connection.live().catch((error: unknown) => {
      connection.abort('rejected');
      this.#onPolicyError(error);
    });
  }

  readonly #onEnded = (connection: PortableConnection, ending: Ending): void => {
    this.#connections.delete(connection);
    this.#shared?.hold(this.#connections.size);
    this.#policy.ended(connection, ending);
    if (this.#waiting.length === 0) return;
    // Or this process would be the first to know every time, and the clients of the others would wait for ever.
    if (this.#roomTimer !== undefined && this.#shared?.doOthersWait) return;
    // Not at once: serving one may end it, and so on through all that wait.
    queueMicrotask(() => this.#serveWaiting());
  };

  #serveWaiting(): void {
    this.#waitNoMore();
    while (this.#waiting.length > 0 && this.#takeRoom()) this.#waiting.shift()?.();
  }

  /** Whether one more may be served, which must then be done at once. */
  #takeRoom(): boolean {
    if (this.#connections.size >= this.#maxConnections) return false;
    if (this.#shared === undefined || this.#shared.tryHold(this.#connections.size + 1)) return true;
    this.#shared.setWaiting(true);
    this.#roomTimer ??= setTimeout(() => this.#serveWaiting(), roomRetryMs);
    return false;
  }

  #waitNoMore(): void {
    clearTimeout(this.#roomTimer);
    this.#roomTimer = undefined;
    this.#shared?.setWaiting(false);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
