import { closed, converse, faultyHello, happened, quietSocket } from './converse.ts';
import type { Fault } from './fault.ts';
import { serve } from './faulty-upstream.ts';
import { mostConnections } from './most-connections.ts';
import { inTurns, storm } from './storm.ts';

const echo = () => serve((socket) => void socket.pipe(socket));

/** Clients that want no service. */
export const clientFaults: readonly Fault[] = [
  {
    name: 'slowloris: half a hello, and then nothing',
    promise: 'held without a buffer to speak of, and ended with FIN by `helloTimeout`',
    outcomes: ['hello_timeout'],
    settings: { helloTimeout: '12s' },
    run: async (stage) => {
      const times = mostConnections(stage.times(10_000));
      const sockets: ReturnType<typeof quietSocket>[] = [];
      await inTurns(stage, times, async () => {
        const socket = quietSocket(stage.port);
        sockets.push(socket);
        socket.resume().on('end', () => socket.end());
        await happened(socket, 'connect');
        socket.write(faultyHello.subarray(0, faultyHello.length / 2));
      });
      await stage.look();
      await Promise.all(sockets.map(closed));
      return times;
    },
  },
  {
    name: 'connection flood: connect, say nothing, end',
    promise: 'nothing is dialled',
    outcomes: ['client_closed_early'],
    run: storm(20_000, async (stage) => {
      await converse(stage.port, new Uint8Array(0));
    }),
  },
  {
    name: 'hellos that stop at every byte, and end',
    promise: 'ended; nothing is dialled before the hello is whole',
    outcomes: ['client_closed_early'],
    run: async (stage) => {
      const rounds = stage.times(10);
      const times = rounds * (faultyHello.length - 1);
      await inTurns(stage, times, async (index) => {
        await converse(stage.port, faultyHello.subarray(0, 1 + (index % (faultyHello.length - 1))));
      });
      return times;
    },
  },
  {
    name: 'hellos that stop at every byte, and stay',
    promise: 'ended with FIN by `helloTimeout`',
    outcomes: ['hello_timeout'],
    settings: { helloTimeout: '3s' },
    run: async (stage) => {
      const times = faultyHello.length - 1;
      const under = Array.from({ length: times }, (_, index) =>
        converse(stage.port, faultyHello.subarray(0, 1 + index), { ends: false }),
      );
      stage.note();
      await Promise.all(under);
      return times;
    },
  },
  {
    name: 'RST storm: resets in mid-stream',
    promise: 'each is passed on as a reset',
    outcomes: ['client_reset'],
    upstream: echo,
    run: storm(10_000, async (stage) => {
      const socket = quietSocket(stage.port);
      socket.write(faultyHello);
      await happened(socket, 'data');
      socket.resetAndDestroy();
      await closed(socket);
    }),
  },
  {
    name: 'RST storm: resets right after connecting',
    promise: 'ended; nothing is dialled',
    outcomes: ['client_closed_early'],
    run: storm(10_000, async (stage) => {
      const socket = quietSocket(stage.port);
      await happened(socket, 'connect');
      socket.resetAndDestroy();
      await closed(socket);
    }),
  },
  {
    name: 'zero-window clients: ask for much, and never read',
    promise: 'the upstream is slowed down until it stands still, and the idle timeout ends both',
    outcomes: ['idle_timeout'],
    settings: { idle: '8s' },
    upstream: () =>
      serve((socket) => {
        const chunk = Buffer.alloc(64 * 1024);
        const more = () => {
          while (!socket.destroyed && socket.write(chunk));
        };
        socket.on('drain', more);
        socket.resume();
        more();
      }),
    run: async (stage) => {
      const times = stage.times(500);
      const sockets = Array.from({ length: times }, () => {
        const socket = quietSocket(stage.port);
        socket.write(faultyHello);
        socket.pause();
        return socket;
      });
      await Promise.all(sockets.map((socket) => happened(socket, 'connect')));
      await stage.standsStill('faulty');
      await stage.look();
      // They never see the end, as they never read.
      await stage.noneLive('faulty');
      for (const socket of sockets) socket.destroy();
      return times;
    },
  },
];
