import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { DialAddress } from '../../src/data-plane/data-plane.ts';

/** Listens, and then blocks its thread: nobody accepts. */
const listenAndBlock = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(workerData), 0, 0));
  });
`;

/** An endpoint that answers no connection attempt: its accept queue is full, so the kernel drops every SYN. */
export class StuckEndpoint {
  readonly address: DialAddress;
  readonly #worker: Worker;
  readonly #wake: Int32Array;
  readonly #fillers: readonly Socket[];

  private constructor(worker: Worker, wake: Int32Array, port: number, fillers: readonly Socket[]) {
    this.#worker = worker;
    this.#wake = wake;
    this.#fillers = fillers;
    this.address = { address: '127.0.0.1', port, family: 4 };
  }

  static async open(): Promise<StuckEndpoint> {
    const shared = new SharedArrayBuffer(4);
    const worker = new Worker(listenAndBlock, { eval: true, workerData: shared });
    const [port]: unknown[] = await once(worker, 'message');
    assert.ok(typeof port === 'number');
    // Linux queues one connection more than the backlog.
    const fillers = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(fillers.map((filler) => once(filler, 'connect')));
    for (const filler of fillers) filler.on('error', () => {});
    return new StuckEndpoint(worker, new Int32Array(shared), port, fillers);
  }

  async close(): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    Atomics.store(this.#wake, 0, 1);
    Atomics.notify(this.#wake, 0);
    await this.#worker.terminate();
  }
}
