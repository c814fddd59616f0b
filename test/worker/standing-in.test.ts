import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { PlaneListener } from '../../src/data-plane/data-plane.ts';
import { StandingIn } from '../../src/worker/standing-in.ts';

const listener = (name: string): PlaneListener => ({
  name,
  helloTimeoutMs: 5_000,
  maxHelloBytes: 65_536,
  asksOnAccept: false,
});
const [edge, inner] = [listener('edge'), listener('inner')];

/** What a data plane is told; `told` names sockets by their descriptors. */
class Stage {
  readonly told: string[] = [];
  readonly places: PlaneListener[] = [];
  isRefusing = false;
  readonly standingIn = new StandingIn({
    listen: (place, socket) => {
      if (this.isRefusing) throw new Error('no');
      this.places.push(place);
      this.told.push(`listen ${place.name} ${socket.fd}`);
    },
    stopListening: ({ name }) => this.told.push(`stop ${name}`),
  });

  socket(fd: number) {
    return { fd, close: () => this.told.push(`close ${fd}`) };
  }
}

describe('a worker in place of another', () => {
  test('accepts from its sockets until it is back', () => {
    const stage = new Stage();
    const { standingIn, told } = stage;
    standingIn.begin(0, edge, stage.socket(10));
    standingIn.begin(0, inner, stage.socket(11));
    standingIn.begin(1, edge, stage.socket(12));
    standingIn.end(0);
    standingIn.end(0);
    assert.deepEqual(told, [
      'listen edge 10',
      'listen inner 11',
      'listen edge 12',
      'stop edge',
      'stop inner',
    ]);
    standingIn.endAll();
    assert.deepEqual(told.slice(5), ['stop edge']);
  });

  test('is one listener each time, apart from its own', () => {
    const stage = new Stage();
    for (const fd of [10, 11]) {
      stage.standingIn.begin(0, edge, stage.socket(fd));
      stage.standingIn.end(0);
    }
    const [first, second] = stage.places;
    assert.equal(first, second);
    assert.notEqual(first, edge);
  });

  test('goes on with the socket that came last', () => {
    const stage = new Stage();
    for (const fd of [10, 11]) stage.standingIn.begin(0, edge, stage.socket(fd));
    assert.deepEqual(stage.told, ['listen edge 10', 'stop edge', 'listen edge 11']);
  });

  test('does without a socket that it cannot accept from', () => {
    const stage = new Stage();
    stage.isRefusing = true;
    stage.standingIn.begin(0, edge, stage.socket(10));
    stage.standingIn.end(0);
    assert.deepEqual(stage.told, ['close 10']);
  });
});
