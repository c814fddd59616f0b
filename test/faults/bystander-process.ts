import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildHello } from '../tls/hello-builder.ts';

/** Few enough that they load nothing themselves. */
const callers = 4;
const pauseMs = 5;
const patienceMs = 30_000;
const hello = buildHello({ serverName: 'shop.healthy.test' });

let latenciesMs: number[] = [];
let failures: string[] = [];
let calls = 0;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));

process.on('message', (message: { readonly port: number } | 'take') => {
  if (message !== 'take') {
    for (let i = 0; i < callers; i++) void callForEver(message.port);
    return;
  }
  process.send?.({ latenciesMs, failures, calls });
  latenciesMs = [];
  failures = [];
});

process.once('disconnect', () => process.exit());

async function callForEver(port: number): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    const end = await call(port);
    latenciesMs.push(performance.now() - startedAt);
    calls += 1;
    if (end !== 'served') failures.push(end);
    await sleep(pauseMs);
  }
}

/** Connects, has its hello echoed, and ends. */
function call(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let received = 0;
    let end = 'nothing';
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('no answer')));
    socket.write(hello);
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received === hello.length) end = 'served';
      if (received >= hello.length) socket.end();
    });
    socket.on('error', (error) => {
      end = error.message;
    });
    socket.on('close', () => resolve(end));
  });
}
