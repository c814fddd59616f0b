// A thread or a process of its own that serves with the native plane: says its port, then does as it is told.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { DialAddress, Policy } from '../../src/data-plane/data-plane.ts';
import { loadAddon } from '../../src/data-plane/load-plane.ts';
import { NativePlane } from '../../src/data-plane/native-plane.ts';
import { bindLoopback } from '../conformance/bound-socket.ts';
import { dialTo } from '../conformance/scripted-policy.ts';

const loaded = loadAddon();
if (!loaded.ok) throw new Error(loaded.reason);
const [, , upstreamPort] = process.argv;
const endpoint: DialAddress = isMainThread
  ? { address: '127.0.0.1', port: Number(upstreamPort), family: 4 }
  : workerData;
const policy: Policy = {
  accepted: () => 'hello',
  hello: () => dialTo(endpoint),
  dialFailed: () => ({ kind: 'reject', how: 'close', outcome: 'upstream_unreachable' }),
  ended: () => tell('ended'),
};
const plane = new NativePlane({ policy, addon: loaded.addon });
const { handle, port } = bindLoopback();
plane.listen({ name: 'edge', helloTimeoutMs: 5000, maxHelloBytes: 65_536, asksOnAccept: false }, handle);

function tell(what: unknown): void {
  if (isMainThread) process.send?.(what);
  else parentPort?.postMessage(what);
}

function obey(order: unknown): void {
  if (order === 'exit') process.exit(7);
  if (order === 'close and exit') {
    void plane.close();
    process.exit(7);
  }
  void plane.close().then(() => {
    parentPort?.close();
    if (isMainThread) process.disconnect();
  });
}

if (isMainThread) process.on('message', obey);
else parentPort?.on('message', obey);
tell(port);
