import { Bytes } from './bytes.ts';
import type { Fate } from './fate.ts';

export type ListenerName = 'edge' | 'hasty' | 'trusting';

/** All that one client does, and its upstream with it. Nothing in it depends on what happens. */
export interface Plan {
  readonly index: number;
  /** The address it connects from: its own alone. */
  readonly address: string;
  /** Who its PROXY header says that it is. */
  readonly source: string | undefined;
  readonly listener: ListenerName;
  /** What it sends first: PROXY header and hello, or anything else. */
  readonly opening: Uint8Array;
  readonly headerBytes: number;
  /** What becomes of the opening, as far as it is sent. */
  readonly fate: Fate;
  /** The opening is sent in pieces of this length, with a pause after each. */
  readonly pieceBytes: number;
  readonly pieceGapMs: number;
  readonly uploadBytes: number;
  /** What the upstream says where it does not echo. */
  readonly downBytes: number;
  /** How long the client stops reading once it has got something. */
  readonly pauseMs: number;
  /** Whether the client ends when it has sent everything, or waits for the other side to. */
  readonly endsFirst: boolean;
  readonly cut: Cut | undefined;
}

/** Where the client breaks off. */
export interface Cut {
  readonly after: 'opening' | 'sent' | 'received';
  readonly bytes: number;
  readonly how: 'reset' | 'fin';
}

export const greeting = Buffer.from('Good day! Whoever you are, this is said before you are heard.\r\n');

/** What follows a header: the client's own bytes, as an upstream is to get them. */
export function upBytes({ opening, headerBytes, index, uploadBytes }: Plan): Bytes {
  return new Bytes([opening.subarray(headerBytes), { from: 7919 * index, length: uploadBytes }]);
}

/** What its upstream says, as the client is to get it. */
export function downBytesOf(plan: Plan): Bytes {
  const { fate, index, downBytes } = plan;
  if (fate.kind === 'refused') return new Bytes(fate.answer === 'reset' ? [] : [fate.answer]);
  if (fate.kind === 'incomplete') return new Bytes([]);
  const upload = { from: 7919 * index, length: plan.uploadBytes };
  const echo = [plan.opening.subarray(plan.headerBytes), upload];
  if (fate.behaviour === 'echo') return new Bytes(echo);
  if (fate.behaviour === 'speak-first') return new Bytes([greeting, ...echo]);
  return new Bytes([{ from: 104_729 * index, length: downBytes }]);
}

export function addressTail(index: number): string {
  return `${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}
