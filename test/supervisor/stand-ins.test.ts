import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { BoundSocket } from '../../src/supervisor/bound-socket.ts';
import { type AcceptingWorker, StandIns } from '../../src/supervisor/stand-ins.ts';
import type { ToWorker } from '../../src/worker/messages.ts';

const sockets = [0, 1, 2].map(() => BoundSocket.bind({ address: '127.0.0.1', port: 0, family: 4 }));
for (const socket of sockets) socket.close();

/** Of three workers with a socket each; `told` is what happened, in order. */
class Stage {
  readonly told: string[] = [];
  readonly #socketOf: (workerIndex: number) => BoundSocket | undefined;
  readonly standIns = new StandIns(
    () => this.accepting,
    (workerIndex) => this.#sockets(workerIndex),
  );
  accepting: AcceptingWorker[];

  constructor(accepting: readonly string[], socketOf = (workerIndex: number) => sockets[workerIndex]) {
    this.#socketOf = socketOf;
    this.accepting = accepting.map((name) => this.worker(name));
  }

  /** `1b`: the second one in place 1. */
  worker(name: string): AcceptingWorker {
    return {
      index: Number.parseInt(name, 10),
      process: {
        standIn: (workerIndex, lent) => {
          for (const [listener, socket] of lent)
            this.told.push(`${name} accepts for ${workerIndex} at ${listener} ${sockets.indexOf(socket)}`);
        },
        send: (message: ToWorker) => this.told.push(`${name} ${message.kind}`),
      },
    };
  }

  *#sockets(workerIndex: number): Generator<[string, BoundSocket]> {
    const socket = this.#socketOf(workerIndex);
    if (socket !== undefined) yield ['edge', socket];
  }
}

describe('for a worker that is missing', () => {
  test('another accepts from its socket until it is back', () => {
    const { standIns, told } = new Stage(['1', '2']);
    standIns.missing(0);
    assert.deepEqual(told, ['1 accepts for 0 at edge 0']);
    standIns.arrange();
    standIns.back(0);
    standIns.arrange();
    assert.deepEqual(told.slice(1), ['1 stand-down']);
  });

  test('a third does where the second goes, and where it is replaced', () => {
    const stage = new Stage(['1', '2']);
    stage.standIns.missing(0);
    stage.accepting = ['2'].map((name) => stage.worker(name));
    stage.standIns.missing(1);
    stage.accepting = ['2b'].map((name) => stage.worker(name));
    stage.standIns.arrange();
    assert.deepEqual(stage.told.slice(1), [
      '2 accepts for 0 at edge 0',
      '2 accepts for 1 at edge 1',
      '2b accepts for 0 at edge 0',
      '2b accepts for 1 at edge 1',
    ]);
  });

  test('the first does that is there', () => {
    const stage = new Stage([]);
    stage.standIns.missing(0);
    stage.accepting = [stage.worker('2')];
    stage.standIns.back(2);
    assert.deepEqual(stage.told, ['2 accepts for 0 at edge 0']);
  });

  test('one does again with the next configuration', () => {
    const { standIns, told } = new Stage(['1']);
    standIns.missing(0);
    standIns.renew();
    assert.deepEqual(told, ['1 accepts for 0 at edge 0', '1 accepts for 0 at edge 0']);
  });

  test('nobody has to where all share one socket', () => {
    const { standIns, told } = new Stage(['1', '2'], () => sockets[0]);
    standIns.missing(0);
    assert.deepEqual(told, []);
  });
});
