import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const patienceMs = 3_000;

/**
 * Whether a proxy at `port` passes on a client's FIN alone: a backend answers only once it has seen it, and the client
 * gets the answer. A proxy that ends both ways at once does less for a connection, and loses that answer.
 */
export async function passesHalfClose(
  port: number,
  hello: Uint8Array,
  backendHost: string,
  backendPort: number,
): Promise<boolean> {
  const backend = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}).on('end', () => socket.end('answer'));
    socket.resume();
  });
  backend.listen(backendPort, backendHost);
  await once(backend, 'listening');
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  try {
    const received: string[] = [];
    client.setEncoding('utf8').on('data', (text: string) => received.push(text));
    client.setTimeout(patienceMs, () => client.destroy());
    client.on('error', () => {});
    client.end(hello);
    await once(client, 'close');
    return received.join('') === 'answer';
  } finally {
    client.destroy();
    backend.close();
  }
}
