import type { Socket } from 'node:net';
import type { DialFailure, Ending, ForwardTimeouts } from './data-plane.ts';
import type { Outcome } from './outcome.ts';
import type { PortableDial } from './portable-dial.ts';
import { PortableFlow } from './portable-flow.ts';
import { close, reset } from './portable-socket.ts';
import type { PortableTimer } from './portable-timer.ts';
import { hasUnacknowledgedBytes } from './send-queues.ts';

/**
 * A reset drops what waits in the kernel's send queue. Where that queue cannot be seen, bytes handed over less than
 * this long ago may still be in it, so the reset waits.
 */
const resetDelayMs = 200;

export interface PortableForwardingOptions {
  readonly client: Socket;
  /** The prefix has been written to it. */
  readonly dialed: PortableDial;
  readonly timeouts: ForwardTimeouts;
  readonly timer: PortableTimer;
  /** Called when another endpoint could no longer take this one's place: something came, from either side. */
  readonly onCommitted: () => void;
}

/** A connection whose two sides stand, from the first byte forwarded to its end. */
export class PortableForwarding {
  readonly up: PortableFlow;
  readonly down: PortableFlow;
  /** As in `Ending`. */
  endedFirst: Ending['endedFirst'];
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #dialedAt: number;
  readonly #timeouts: ForwardTimeouts;
  readonly #timer: PortableTimer;
  readonly #onCommitted: () => void;
  #isCommitted = false;
  #activeAt = 0;
  /** When the half-closed timeout ends the connection, on the clock of `performance.now`. */
  #halfClosedUntil = Number.POSITIVE_INFINITY;
  #resetOutcome: Outcome | undefined;
  #settle: (end: Outcome | DialFailure) => void = () => {};

  constructor({ client, dialed, timeouts, timer, onCommitted }: PortableForwardingOptions) {
    this.#client = client;
    this.#upstream = dialed.socket;
    this.#dialedAt = dialed.dialedAt;
    this.#timeouts = timeouts;
    this.#timer = timer;
    this.#onCommitted = onCommitted;
    const moved = () => this.#onMoved();
    this.up = new PortableFlow(client, dialed.socket, { moved, ended: () => this.#onEnded('client') });
    this.down = new PortableFlow(dialed.socket, client, { moved, ended: () => this.#onEnded('upstream') });
    client.on('data', this.#onClientChunk);
    dialed.intake.onChunk = (chunk) => this.down.take(chunk);
  }

  /**
   * Resolves once both sockets are closed, or are to be closed with nothing more to wait for. A failure: the upstream
   * was reset before its first byte, and the client is as it was before.
   */
  run(): Promise<Outcome | DialFailure> {
    return new Promise((settle) => {
      this.#settle = settle;
      this.#client.on('error', this.#onClientError);
      this.#upstream.on('error', () => this.#onReset(this.down, 'upstream_reset'));
      this.#client.on('close', this.#onClosed);
      this.#upstream.on('close', this.#onClosed);
      this.#activeAt = performance.now();
      this.#armTimer();
      this.up.start();
      this.down.start();
    });
  }

  readonly #onClientChunk = (chunk: Buffer): void => {
    this.up.take(chunk);
  };

  readonly #onClientError = (): void => this.#onReset(this.up, 'client_reset');

  #onMoved(): void {
    this.#activeAt = performance.now();
    if (this.up.receivedBytes > 0 || this.down.receivedBytes > 0) this.#commit();
  }

  #commit(): void {
    if (this.#isCommitted) return;
    this.#isCommitted = true;
    this.#onCommitted();
  }

  #onEnded(side: 'client' | 'upstream'): void {
    this.endedFirst ??= side;
    this.#commit();
    this.#halfClosedUntil = Math.min(this.#halfClosedUntil, performance.now() + this.#timeouts.halfClosedMs);
    this.#armTimer();
  }

  /** Node closes a socket once both its ways have ended and the last byte is written. */
  readonly #onClosed = (): void => {
    if (this.#client.closed && this.#upstream.closed) this.#settle('ok');
  };

  /** Armed once for a whole idle timeout: bytes moving meanwhile put the deadline off when it comes, not each time. */
  #armTimer(): void {
    const deadline = Math.min(this.#activeAt + this.#timeouts.idleMs, this.#halfClosedUntil);
    this.#timer.arm(deadline - performance.now(), () => this.#onTimer());
  }

  #onTimer(): void {
    const now = performance.now();
    if (now >= this.#halfClosedUntil) this.#expire('half_closed_timeout');
    else if (now >= this.#activeAt + this.#timeouts.idleMs) this.#expire('idle_timeout');
    else this.#armTimer();
  }

  #expire(outcome: Outcome): void {
    this.#settle(outcome);
    close(this.#client);
    close(this.#upstream);
  }

  #onReset(flow: PortableFlow, outcome: Outcome): void {
    const mayBeReplaced = flow === this.down && !this.#isCommitted && !this.#client.destroyed;
    if (mayBeReplaced) this.#leaveClient();
    else this.#passResetOn(flow, outcome);
  }

  /** One side is gone: the other is reset too, once it has taken what came before. */
  #passResetOn(flow: PortableFlow, outcome: Outcome): void {
    this.endedFirst ??= flow === this.up ? 'client' : 'upstream';
    this.up.stop();
    this.down.stop();
    const isFirst = this.#resetOutcome === undefined;
    this.#resetOutcome ??= outcome;
    if (!isFirst || flow.to.destroyed) {
      this.#resetBoth();
    } else if (flow.to.writableLength === 0) {
      this.#resetSoon(flow.to);
    } else {
      this.#timer.arm(this.#timeouts.halfClosedMs, () => this.#resetBoth());
      flow.to.once('drain', () => this.#resetSoon(flow.to));
    }
  }

  #leaveClient(): void {
    this.#isCommitted = true;
    this.#timer.disarm();
    this.up.detach();
    this.down.detach();
    this.#client
      .off('data', this.#onClientChunk)
      .off('error', this.#onClientError)
      .off('close', this.#onClosed);
    this.#settle({ code: 'ECONNRESET', afterMs: performance.now() - this.#dialedAt });
  }

  #resetSoon(to: Socket): void {
    const latestMs = performance.now() + this.#timeouts.halfClosedMs;
    const resetOnceTaken = async () => {
      const isWaiting = !to.destroyed && performance.now() < latestMs && (await hasUnacknowledgedBytes(to));
      if (isWaiting && !to.destroyed) this.#timer.arm(resetDelayMs, () => void resetOnceTaken());
      else this.#resetBoth();
    };
    this.#timer.arm(this.#activeAt + resetDelayMs - performance.now(), () => void resetOnceTaken());
  }

  #resetBoth(): void {
    this.#settle(this.#resetOutcome ?? 'ok');
    reset(this.#client);
    reset(this.#upstream);
  }
}
