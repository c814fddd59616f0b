// A plane in a process of its own that may open few descriptors.
// usage: few-descriptors-plane.ts portable|native UPSTREAM-PORT; answers each message with its state.
import { strict as assert } from 'node:assert';
import { closeSync, openSync } from 'node:fs';
import type { Policy } from '../../src/data-plane/data-plane.ts';
import { createPlane } from '../../src/data-plane/load-plane.ts';
import { bindLoopback } from './bound-socket.ts';
import { dialTo } from './scripted-policy.ts';

export interface FewDescriptorsState {
  readonly port: number;
  readonly isFull: boolean;
  readonly connectionCount: number;
  readonly dialFailures: readonly string[];
  /** Processor time used so far. */
  readonly processorMs: number;
}

const [, , kind, upstreamPort] = process.argv;
assert.ok(kind === 'portable' || kind === 'native');
const endpoint = { address: '127.0.0.1', port: Number(upstreamPort), family: 4 } as const;
const dialFailures: string[] = [];
const policy: Policy = {
  accepted: () => 'hello',
  hello: () => dialTo(endpoint),
  dialFailed: (_, { code }) => {
    dialFailures.push(code);
    return { kind: 'reject', how: { alert: 80 }, outcome: 'upstream_unreachable' };
  },
  ended: () => {},
};
const plane = createPlane(kind, policy);
const { handle, port } = bindLoopback();
plane.listen({ name: 'edge', helloTimeoutMs: 60_000, maxHelloBytes: 65_536, asksOnAccept: false }, handle);

process.on('message', tellState);
process.on('disconnect', () => process.exit());
tellState();

function tellState(): void {
  const { user, system } = process.cpuUsage();
  const state: FewDescriptorsState = {
    port,
    isFull: isFull(),
    connectionCount: plane.connectionCount,
    dialFailures,
    processorMs: (user + system) / 1000,
  };
  process.send?.(state);
}

function isFull(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return false;
  } catch {
    return true;
  }
}
