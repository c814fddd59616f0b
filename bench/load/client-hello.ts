import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/** The first flight of a real TLS client that asks for this name. */
export function clientHello(serverName: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const wire = new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, done) {
        resolve(bytes);
        done();
      },
    });
    const socket = connect({ socket: wire, servername: serverName, ALPNProtocols: ['h2', 'http/1.1'] });
    socket.once('error', reject);
  });
}
