import { connect, type Socket } from 'node:net';
import type { Dial, DialFailure } from './data-plane.ts';
import { socketHighWaterMark } from './portable-socket.ts';
import type { PortableTimer } from './portable-timer.ts';

/** One attempt to reach an endpoint: a socket, and whether and why it did not connect. */
export interface PortableDial {
  readonly socket: Socket;
  readonly failure: Promise<DialFailure | undefined>;
}

const socketOptions = { allowHalfOpen: true, noDelay: true, highWaterMark: socketHighWaterMark };

/** Starts connecting; `timer` is the attempt's until it has succeeded or failed. A failed socket is closed already. */
export function dial({ endpoint, connectTimeoutMs }: Dial, timer: PortableTimer): PortableDial {
  const dialedAt = performance.now();
  const { address: host, port, family } = endpoint;
  const socket = connect({ ...socketOptions, host, port, family });
  socket.on('error', ignore);

  const failure = new Promise<DialFailure | undefined>((settle) => {
    const fail = (code: string) => settle({ code, afterMs: performance.now() - dialedAt });
    const onError = (error: NodeJS.ErrnoException) => {
      timer.disarm();
      fail(error.code ?? error.name);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.disarm();
      socket.off('error', onError);
      settle(undefined);
    });
    timer.arm(connectTimeoutMs, () => {
      socket.destroy();
      fail('ETIMEDOUT');
    });
  });
  return { socket, failure };
}

/** The socket closes itself after an error; whoever it concerns listens beside. */
function ignore(): void {}
