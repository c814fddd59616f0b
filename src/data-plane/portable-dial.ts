import { connect, type Socket } from 'node:net';
import type { Dial, DialFailure } from './data-plane.ts';
import { PortableIntake } from './portable-intake.ts';
import { socketHighWaterMark } from './portable-socket.ts';
import type { PortableTimer } from './portable-timer.ts';

/** One attempt to reach an endpoint: a socket, how it is read, and whether and why it did not connect. */
export interface PortableDial {
  readonly socket: Socket;
  readonly intake: PortableIntake;
  /** On the clock of `performance.now`. */
  readonly dialedAt: number;
  readonly failure: Promise<DialFailure | undefined>;
}

const socketOptions = { allowHalfOpen: true, noDelay: true, highWaterMark: socketHighWaterMark };

/** Starts connecting; `timer` is the attempt's until it has succeeded or failed. A failed socket is closed already. */
export function dial({ endpoint, connectTimeoutMs }: Dial, timer: PortableTimer): PortableDial {
  const dialedAt = performance.now();
  const intake = new PortableIntake();
  const { address: host, port, family } = endpoint;
  const socket = connect({ ...socketOptions, host, port, family, onread: intake.onread });

  const failure = new Promise<DialFailure | undefined>((settle) => {
    const fail = (code: string) => settle({ code, afterMs: performance.now() - dialedAt });
    // Stays: an error without a listener would be thrown. Once connected, settling again does nothing.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (socket.connecting) timer.disarm();
      fail(error.code ?? error.name);
    });
    socket.on('connect', () => {
      timer.disarm();
      settle(undefined);
    });
    timer.arm(connectTimeoutMs, () => {
      socket.destroy();
      fail('ETIMEDOUT');
    });
  });
  return { socket, intake, dialedAt, failure };
}
