import { setImmediate } from 'node:timers/promises';

import type { Snapshot } from '../config/snapshot.ts';
import type { ListeningHandle } from '../data-plane/data-plane.ts';
import { Draining } from './draining.ts';
import type { SentSnapshot, ToSupervisor, ToWorker } from './messages.ts';
import { dropPrivileges } from './privileges.ts';
import { ReceivedRoutes } from './received-routes.ts';
import { Serving } from './serving.ts';

/**
 * Turns of the loop in which a worker that is to accept nothing more takes in those who wait: as many as an accept queue
 * holds, where net.core.somaxconn is Linux's own. The portable plane accepts one a turn. About 10 ms with nobody there.
 */
const lastAcceptTurns = 4096;

/**
 * One worker: takes the snapshot and its sockets from the supervisor, serves them with a data plane, and drains.
 * It decides nothing about itself: whoever runs it (`main.ts`) passes on messages, signals and the loss of the
 * supervisor, and ends the process once `ended` has resolved.
 */
export class Worker {
  /** Resolves when no connection is left and none will come. */
  readonly ended: Promise<void>;
  readonly #tell: (message: ToSupervisor) => void;
  #settleEnded: () => void = () => {};
  readonly #routes = new ReceivedRoutes();
  #serving: Serving | undefined;
  #hasServed = false;
  #draining: Draining | undefined;
  #isLeaving = false;
  #isAborting = false;

  constructor(tell: (message: ToSupervisor) => void) {
    this.#tell = tell;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
  }

  receive(message: ToWorker, handle: unknown): void {
    switch (message.kind) {
      case 'routes':
        this.#routes.add(message);
        break;
      case 'configure':
        this.#attempt('start', () => {
          this.#serving = new Serving(this.#withRoutes(message), this.#tell);
        });
        break;
      case 'endpoints':
        this.#serving?.policy.updateEndpoints(message.upstream, message.endpoints);
        break;
      case 'endpoint-state':
        this.#serving?.policy.setEndpointState(
          message.upstream,
          message.endpoint,
          message.state,
          message.why,
        );
        break;
      case 'socket':
        if (isListeningHandle(handle)) this.#serving?.listeners.take(message.listener, handle);
        break;
      case 'serve':
        this.#attempt('serve', () => this.#serve());
        break;
      case 'stand-in':
        if (isListeningHandle(handle)) this.#standIn(message, handle);
        break;
      case 'stand-down':
        this.#serving?.listeners.standDown(message.workerIndex);
        break;
      case 'prepare':
        void this.#prepare(message);
        break;
      case 'switch':
        this.#attempt('switch', () => this.#switch(message));
        break;
      case 'stay':
        this.#serving?.stay();
        break;
      case 'drain':
        this.drain(message);
        break;
      case 'abort':
        this.abort();
        break;
      case 'reopen-logs':
        this.#serving?.accessLog.reopen();
        break;
      case 'heartbeat':
        this.#tell({ kind: 'heartbeat', connections: this.#serving?.plane.connectionCount ?? 0 });
        break;
      case 'report-metrics':
        void this.#reportMetrics(message.request);
        break;
      case 'report-connections':
        this.#reportConnections(message.request, message.limit);
        break;
    }
  }

  /**
   * Accepts nothing more; connections that have not ended by then are reset. Without the supervisor, who may say
   * otherwise: in the snapshot's time, and those who wait to be accepted come in first.
   */
  drain({
    timeoutMs = this.#serving?.snapshot.timeouts.drainMs ?? 0,
    acceptsWaiting = true,
  }: Partial<ToWorker & { readonly kind: 'drain' }> = {}): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const serving = this.#serving;
    if (serving === undefined) {
      this.abort();
      return;
    }
    void (acceptsWaiting ? acceptWaiting() : Promise.resolve()).then(() => {
      if (this.#isAborting) return;
      serving.listeners.stop();
      this.#draining = new Draining(serving.plane, timeoutMs, () => this.abort());
    });
  }

  /** For a signal to this process alone: the supervisor is to put another worker in its place. */
  leave(): void {
    this.#tell({ kind: 'leaving' });
  }

  /** Resets what is live. */
  abort(): void {
    this.#isLeaving = true;
    if (this.#isAborting) return;
    this.#isAborting = true;
    this.#draining?.stop();
    void this.#close().finally(this.#settleEnded);
  }

  async #close(): Promise<void> {
    await this.#serving?.plane.close();
    await this.#serving?.accessLog.close();
    // One that never served has nothing to report.
    if (this.#hasServed) await this.#reportMetrics(undefined);
  }

  #serve(): void {
    if (this.#serving === undefined || this.#isLeaving) return;
    const { snapshot, listeners, credentials } = this.#serving;
    if (credentials !== undefined) dropPrivileges(credentials);
    listeners.switchTo(snapshot);
    this.#hasServed = true;
    this.#tell({ kind: 'ready' });
  }

  #standIn(
    { workerIndex, listener }: ToWorker & { readonly kind: 'stand-in' },
    socket: ListeningHandle,
  ): void {
    if (this.#isLeaving || this.#serving === undefined) socket.close();
    else this.#serving.listeners.standIn(workerIndex, listener, socket);
  }

  async #prepare(message: ToWorker & { readonly kind: 'prepare' }): Promise<void> {
    const { request } = message;
    try {
      await this.#serving?.prepare(this.#withRoutes(message));
      this.#tell({ kind: 'prepared', request, problem: undefined });
    } catch (error) {
      this.#tell({
        kind: 'prepared',
        request,
        problem: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #withRoutes<M extends { readonly snapshot: SentSnapshot }>(
    message: M,
  ): M & { readonly snapshot: Snapshot } {
    return { ...message, snapshot: { ...message.snapshot, routes: this.#routes.take() } };
  }

  /** One that drains keeps to what it has. */
  #switch({ request, upstreams }: ToWorker & { readonly kind: 'switch' }): void {
    if (!this.#isLeaving) this.#serving?.switch(upstreams);
    this.#tell({ kind: 'switched', request });
  }

  async #reportMetrics(request: number | undefined): Promise<void> {
    const report = await this.#serving?.reports.metrics();
    if (report !== undefined) this.#tell({ kind: 'metrics', request, report });
  }

  #reportConnections(request: number, limit: number): void {
    const connections = this.#serving?.reports.connections(limit) ?? [];
    this.#tell({ kind: 'connections', request, connections });
  }

  #attempt(what: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#tell({ kind: 'failed', problem: `a worker cannot ${what}: ${why}` });
      this.abort();
    }
  }
}

/** Nobody may hold the socket once this worker has closed it: whoever waits there then is reset. */
async function acceptWaiting(): Promise<void> {
  for (let turn = 0; turn < lastAcceptTurns; turn++) await setImmediate();
}

function isListeningHandle(value: unknown): value is ListeningHandle {
  if (typeof value !== 'object' || value === null) return false;
  return typeof Reflect.get(value, 'fd') === 'number' && typeof Reflect.get(value, 'close') === 'function';
}
