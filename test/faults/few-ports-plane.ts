// A plane and its upstream in a process with few ephemeral ports: opens connections until none is left, sees that
// nothing spins, and that service returns with the first port. Says what it found.
// usage: few-ports-plane.ts portable|native
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Policy } from '../../src/data-plane/data-plane.ts';
import { createPlane } from '../../src/data-plane/load-plane.ts';
import { bindLoopback } from '../conformance/bound-socket.ts';
import { EventQueue } from '../conformance/event-queue.ts';
import { dialTo } from '../conformance/scripted-policy.ts';

export interface FewPortsFindings {
  readonly served: number;
  readonly failure: string;
  /** Processor time used in `watchedMs` without a port. */
  readonly processorMs: number;
  readonly servedAfter: boolean;
}

export const watchedMs = 500;

const [, , kind] = process.argv;
assert.ok(kind === 'portable' || kind === 'native');
const outcomes = new EventQueue<string>('outcome of a dial');
const upstream = createServer((socket) => {
  socket.on('error', () => {}).resume();
  outcomes.push('served');
});
upstream.listen(0, '127.0.0.1');
await once(upstream, 'listening');
const { port: upstreamPort } = upstream.address() as AddressInfo;
const policy: Policy = {
  accepted: () => 'hello',
  hello: () => dialTo({ address: '127.0.0.1', port: upstreamPort, family: 4 }),
  dialFailed: (_, { code }) => {
    outcomes.push(code);
    return { kind: 'reject', how: 'close', outcome: 'upstream_unreachable' };
  },
  ended: () => {},
};
const plane = createPlane(kind, policy);
const { handle, port } = bindLoopback();
plane.listen({ name: 'edge', helloTimeoutMs: 60_000, maxHelloBytes: 65_536, asksOnAccept: false }, handle);
let callers = 0;

/** From an address of its own, whose ports are nobody else's. */
function call(): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${++callers}` });
  socket.on('error', () => {}).resume();
  socket.write('no TLS');
  return socket;
}

const clients = [call()];
let outcome = await outcomes.next();
for (; outcome === 'served'; outcome = await outcomes.next()) clients.push(call());
const served = clients.length - 1;
const before = process.cpuUsage();
await sleep(watchedMs);
const { user, system } = process.cpuUsage(before);
clients[0]?.resetAndDestroy();
while (plane.connectionCount > served - 1) await sleep(10);
call();
const servedAfter = (await outcomes.next()) === 'served';
const findings: FewPortsFindings = {
  served,
  failure: outcome,
  processorMs: (user + system) / 1000,
  servedAfter,
};
process.send?.(findings, () => process.exit());
