import assert from 'node:assert/strict';
import { type Conversation, converse, faultyHello, isAlert, quietSocket } from './converse.ts';
import type { Fault } from './fault.ts';
import { onBytes, serve, stuck } from './faulty-upstream.ts';
import type { Stage } from './stage.ts';

const full = 200;
const internalError = 80;
const some = Buffer.alloc(5_000, 'some bytes that an upstream says. ');
const upload = Buffer.concat([faultyHello, Buffer.alloc(100_000, 'some bytes that a client says. ')]);

/** So many conversations, all alike, and each held to what it has to be. */
function conversations(
  say: Uint8Array,
  check: (conversation: Conversation) => void,
  options?: { ends: boolean },
) {
  return async (stage: Stage): Promise<number> => {
    const times = stage.times(full);
    const under = Array.from({ length: times }, () => converse(stage.port, say, options));
    stage.note();
    for (const conversation of await Promise.all(under)) check(conversation);
    return times;
  };
}

const isRefused = ({ received, end }: Conversation): void => {
  assert.ok(isAlert(received, internalError), `${received.length} bytes, ${end}`);
  assert.equal(end, 'end');
};

const isReset = ({ received, end }: Conversation): void => {
  assert.equal(`${received.length} bytes, ${end}`, '0 bytes, ECONNRESET');
};

/** An upstream that goes wrong, at each moment of a connection. */
export const upstreamFaults: readonly Fault[] = [
  {
    name: 'upstream refuses',
    promise: 'dialled again as often as configured, then alert 80 and FIN',
    outcomes: ['upstream_unreachable'],
    failedDials: { ECONNREFUSED: 2 },
    run: conversations(faultyHello, isRefused),
  },
  {
    name: 'upstream hangs in connect',
    promise: 'given up after `connectTimeout`, each attempt; then alert 80 and FIN',
    outcomes: ['upstream_unreachable'],
    failedDials: { ETIMEDOUT: 2 },
    settings: { connectTimeout: '200ms' },
    upstream: stuck,
    run: conversations(faultyHello, isRefused),
  },
  {
    name: 'upstream accepts, then resets',
    promise:
      'nothing but the hello is lost, so another would be dialled; where there is none, the client is reset too',
    outcomes: ['upstream_reset'],
    failedDials: { ECONNRESET: 1 },
    upstream: () => serve((socket) => void socket.resetAndDestroy()),
    run: conversations(faultyHello, isReset, { ends: false }),
  },
  {
    name: 'upstream resets mid-stream',
    promise: 'what it sent before arrives, then the reset',
    outcomes: ['upstream_reset'],
    // Once the client says that it has it all: behind unread bytes the portable plane may see a reset as an end.
    upstream: () =>
      serve((socket) => {
        onBytes(socket, faultyHello.length, () => void socket.write(some));
        onBytes(socket, faultyHello.length + 1, () => void socket.resetAndDestroy());
      }),
    run: async (stage) => {
      const times = stage.times(full);
      const ends = Array.from({ length: times }, async () => {
        const socket = quietSocket(stage.port);
        socket.write(faultyHello);
        const reset = new Promise<string>((resolve) => {
          socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
          socket.once('end', () => resolve('end'));
        });
        onBytes(socket, some.length, () => void socket.write('!'));
        return reset;
      });
      stage.note();
      assert.deepEqual(new Set(await Promise.all(ends)), new Set(['ECONNRESET']));
      return times;
    },
  },
  {
    name: 'upstream half-closes early',
    promise: 'its FIN is passed on, and the client goes on sending',
    outcomes: ['ok'],
    upstream: () =>
      serve((socket) => {
        socket.end(some);
        let received = 0;
        socket.on('data', (chunk) => {
          received += chunk.length;
        });
        socket.once('end', () => {
          if (received !== upload.length) socket.resetAndDestroy();
        });
        socket.resume();
      }),
    run: conversations(upload, ({ received, end }) => {
      assert.ok(received.equals(some), `${received.length} bytes`);
      assert.equal(end, 'end');
    }),
  },
  {
    name: 'upstream never reads',
    promise: 'the client is slowed down until it stands still, and the idle timeout ends both',
    outcomes: ['idle_timeout'],
    settings: { idle: '1500ms' },
    upstream: () => serve(() => {}),
    run: conversations(Buffer.concat([faultyHello, Buffer.alloc(8 * 1024 * 1024)]), ({ received }) => {
      assert.equal(received.length, 0);
    }),
  },
  {
    name: 'upstream trickles',
    promise: 'every byte is passed on as it comes',
    outcomes: ['ok'],
    upstream: () =>
      serve((socket) => {
        let left = 100;
        const timer = setInterval(() => {
          left -= 1;
          socket.write('x');
          if (left > 0) return;
          clearInterval(timer);
          socket.end();
        }, 5);
        socket.once('close', () => clearInterval(timer));
        socket.resume();
      }),
    run: conversations(faultyHello, ({ received, end }) => {
      assert.equal(received.toString(), 'x'.repeat(100));
      assert.equal(end, 'end');
    }),
  },
  {
    name: 'upstream answers before the hello is sent',
    promise: 'both are passed on',
    outcomes: ['ok'],
    upstream: () =>
      serve((socket) => {
        socket.write(some);
        socket.pipe(socket);
      }),
    run: conversations(upload, ({ received, end }) => {
      assert.ok(received.equals(Buffer.concat([some, upload])), `${received.length} bytes`);
      assert.equal(end, 'end');
    }),
  },
];
