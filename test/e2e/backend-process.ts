import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import type { ServerCertificate } from '../../src/demo/certificate-authority.ts';

/**
 * Answers anything with a line, its name, and a TLS ClientHello with a handshake. The short accept queue is full
 * soon after the process has been suspended.
 */
const program = `
  const { name, host, port, certificate } = JSON.parse(process.argv[1]);
  const secure = require('node:tls').createServer(certificate);
  secure.on('tlsClientError', () => {});
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (first) => {
      if (first[0] === 0x16) {
        socket.pause();
        socket.unshift(first);
        secure.emit('connection', socket);
        return;
      }
      socket.write(name + '\\n');
      socket.on('data', () => socket.write(name + '\\n'));
    });
  });
  server.listen({ host, port, backlog: 1 }, () => console.log(server.address().port));
`;

interface BackendSettings {
  readonly name: string;
  /** Nobody else's, so that the port is still free after a kill. */
  readonly host: string;
  readonly certificate: ServerCertificate;
}

/** A backend as a process of its own, that can be killed, suspended, and started again on the same port. */
export class BackendProcess {
  readonly #settings: BackendSettings;
  #child: ChildProcess | undefined;
  #port = 0;

  private constructor(settings: BackendSettings) {
    this.#settings = settings;
  }

  static async start(settings: BackendSettings): Promise<BackendProcess> {
    const backend = new BackendProcess(settings);
    await backend.start();
    return backend;
  }

  get address(): string {
    return `${this.#settings.host}:${this.#port}`;
  }

  /** After `kill`. */
  async start(): Promise<void> {
    const input = JSON.stringify({ ...this.#settings, port: this.#port });
    const child = spawn(process.execPath, ['-e', program, input], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const [port]: unknown[] = await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the backend ended with ${code}`))),
    ]);
    this.#port = Number(port);
  }

  suspend(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
