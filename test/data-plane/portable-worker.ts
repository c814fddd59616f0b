// A cluster worker that serves every connection of the listening socket it is sent with the alert internal_error.
import type { ListeningHandle } from '../../src/data-plane/data-plane.ts';
import { PortablePlane } from '../../src/data-plane/portable-plane.ts';

const [, , form] = process.argv;
const plane = new PortablePlane({
  policy: {
    accepted: () => 'hello',
    hello: () => ({ kind: 'reject', how: { alert: 80 }, outcome: 'rejected' }),
    dialFailed: () => ({ kind: 'pending' }),
    ended: () => {},
  },
});

process.on('message', (_, handle: unknown) => {
  const listening = handle as ListeningHandle;
  const listener = { name: 'edge', helloTimeoutMs: 5000, maxHelloBytes: 65_536, asksOnAccept: false };
  plane.listen(listener, form === 'handle' ? listening : { fd: listening.fd });
  process.send?.('listening');
});
process.send?.('ready');
