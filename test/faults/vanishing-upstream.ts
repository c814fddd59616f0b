import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { converse, faultyHello, happened, isAlert, quietSocket } from './converse.ts';
import { type Fault, type FaultyUpstream, NotPermitted } from './fault.ts';

const server = `
  const { createServer } = require('node:net');
  createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(8443, '10.251.7.2', () => console.log('listens'));
`;

let count = 0;

/** An echo server behind a link that can be taken down: a network namespace, with a pair of virtual interfaces. */
class Namespace implements FaultyUpstream {
  readonly address = '10.251.7.2:8443';
  /** An interface's name has at most 15 characters. */
  readonly #name = `sl${process.pid}-${count++}`;
  #end = (): void => {};

  static async open(): Promise<Namespace> {
    const namespace = new Namespace();
    await namespace.#open();
    return namespace;
  }

  setLink(state: 'up' | 'down'): void {
    ip('-n', this.#name, 'link', 'set', 'peer0', state);
  }

  async close(): Promise<void> {
    this.#end();
    ip('link', 'del', this.#name);
    ip('netns', 'del', this.#name);
  }

  async #open(): Promise<void> {
    try {
      ip('netns', 'add', this.#name);
    } catch (error) {
      throw new NotPermitted(`no network namespace can be made here: ${error}`);
    }
    ip('link', 'add', this.#name, 'type', 'veth', 'peer', 'name', 'peer0', 'netns', this.#name);
    ip('addr', 'add', '10.251.7.1/24', 'dev', this.#name);
    ip('link', 'set', this.#name, 'up');
    ip('-n', this.#name, 'addr', 'add', '10.251.7.2/24', 'dev', 'peer0');
    this.setLink('up');
    const child = spawn('ip', ['netns', 'exec', this.#name, process.execPath, '-e', server]);
    this.#end = () => void child.kill('SIGKILL');
    await once(child.stdout, 'data');
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

const full = 100;
let namespace: Namespace | undefined;
const open = async (): Promise<FaultyUpstream> => {
  namespace = await Namespace.open();
  return namespace;
};

/** The host behind an upstream is gone without a word. */
export const vanishingUpstream: readonly Fault[] = [
  {
    name: 'upstream vanishes mid-stream (link down)',
    promise: 'nobody says anything more, and the idle timeout ends both',
    outcomes: ['idle_timeout'],
    settings: { idle: '2s' },
    upstream: open,
    run: async (stage) => {
      const times = stage.times(full);
      const sockets = Array.from({ length: times }, () => quietSocket(stage.port));
      const ends = sockets.map((socket) => happened(socket, 'end'));
      for (const socket of sockets) socket.write(faultyHello);
      await Promise.all(sockets.map((socket) => happened(socket, 'data')));
      namespace?.setLink('down');
      for (const socket of sockets) socket.write('is anybody there?');
      stage.note();
      await Promise.all(ends);
      for (const socket of sockets) socket.end();
      return times;
    },
  },
  {
    name: 'upstream has vanished before it is dialled (link down)',
    promise:
      'given up after `connectTimeout`, each attempt; then alert 80 and FIN; served again when it is back',
    outcomes: ['upstream_unreachable', 'ok'],
    settings: { connectTimeout: '300ms' },
    upstream: open,
    run: async (stage) => {
      const times = stage.times(full);
      namespace?.setLink('down');
      const refused = await Promise.all(
        Array.from({ length: times }, () => converse(stage.port, faultyHello)),
      );
      for (const { received } of refused) assert.ok(isAlert(received, 80), `${received.length} bytes`);
      namespace?.setLink('up');
      let tries = 1;
      while (!(await converse(stage.port, faultyHello)).received.equals(faultyHello)) tries++;
      return times + tries;
    },
  },
];
