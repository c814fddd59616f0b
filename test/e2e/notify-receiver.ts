import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { eventually } from './sluice-process.ts';

const source = fileURLToPath(new URL('notify-receiver.cc', import.meta.url));

/** What systemd would be told. Node.js has no unix datagram sockets, so this is a program that is compiled first. */
export class NotifyReceiver {
  readonly address: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  /** Several assignments of one message are joined by `|`. */
  readonly messages: string[] = [];

  private constructor(address: string, folder: string, child: ChildProcess) {
    this.address = address;
    this.#folder = folder;
    this.#child = child;
  }

  static async start(kind: 'path' | 'abstract'): Promise<NotifyReceiver> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-notify-'));
    const program = join(folder, 'receiver');
    execFileSync('c++', ['-std=c++17', source, '-o', program]);
    const address = kind === 'path' ? join(folder, 'notify') : `@${folder}`;
    const child = spawn(program, [address], { stdio: ['ignore', 'pipe', 'inherit'] });
    const receiver = new NotifyReceiver(address, folder, child);
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    lines.on('line', (line) => receiver.messages.push(line));
    return receiver;
  }

  /** The first message that fits, from the `from`th on; its place among all. */
  async received(pattern: RegExp, from = 0): Promise<number> {
    const find = () => this.messages.findIndex((message, i) => i >= from && pattern.test(message));
    await eventually(`${pattern} after ${this.messages.join(' ')}`, () => find() >= 0);
    return find();
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
    await rm(this.#folder, { recursive: true });
  }
}
