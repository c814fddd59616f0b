import type { Bytes } from './bytes.ts';
import { downBytesOf, type Plan, upBytes } from './plan.ts';

/** A plan that is carried out, and what both its ends see of it. Times are those of `performance.now`. */
export class Trial {
  readonly plan: Plan;
  readonly up: Bytes;
  readonly down: Bytes;
  startedAt = 0;
  connectedAt: number | undefined;
  endedAt: number | undefined;
  /** Given to the kernel, a PROXY header not counted. */
  sentBytes = 0;
  receivedBytes = 0;
  receivedWrong = false;
  hasEndedFirst = false;
  isCut = false;
  /** `end`, or the code of the error that the client saw. */
  end = '';
  /** Of the last upstream connection: accept-reset has several. */
  upstreamReceivedBytes = 0;
  upstreamSentBytes = 0;
  upstreamReceivedWrong = false;

  constructor(plan: Plan) {
    this.plan = plan;
    this.up = upBytes(plan);
    this.down = downBytesOf(plan);
  }

  received(chunk: Uint8Array): void {
    if (!this.down.matches(this.receivedBytes, chunk) && !this.#isRefusedLate(chunk))
      this.receivedWrong = true;
    this.receivedBytes += chunk.length;
  }

  upstreamReceived(chunk: Uint8Array): void {
    if (!this.up.matches(this.upstreamReceivedBytes, chunk)) this.upstreamReceivedWrong = true;
    this.upstreamReceivedBytes += chunk.length;
  }

  /** Nothing has come back from an upstream: the proxy says itself that there is none. */
  #isRefusedLate(chunk: Uint8Array): boolean {
    const { fate } = this.plan;
    return fate.kind === 'forwarded' && this.receivedBytes === 0 && Buffer.compare(chunk, unreachable) === 0;
  }
}

const unreachable = Uint8Array.of(21, 3, 3, 0, 2, 2, 80);
