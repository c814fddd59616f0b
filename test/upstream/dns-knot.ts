import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Knot DNS on loopback, authoritative for the zone `test`; it answers SERVFAIL for the zone `broken`. */
export class Knot {
  /** As `NameResolver` takes it. */
  readonly address: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #serial = 0;

  private constructor(folder: string, address: string) {
    this.#folder = folder;
    this.address = address;
  }

  /**
   * Serves `records`: lines of a zone file under `test.`, each with its TTL. Where `freeAddress` turns out to be taken,
   * it is asked again.
   */
  static async start(
    records: readonly string[],
    freeAddress: () => string | Promise<string> = freeLoopbackAddress,
  ): Promise<Knot> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-knot-'));
    for (let attempt = 1; ; attempt += 1) {
      const knot = new Knot(folder, await freeAddress());
      try {
        await knot.#writeZone(records);
        await writeFile(join(folder, 'knot.conf'), configuration(folder, knot.address));
        await knot.resume();
        return knot;
      } catch (error) {
        await knot.pause();
        if (attempt === 3) {
          throw error;
        }
      }
    }
  }

  /** From here on it serves these records and no others. */
  async serve(records: readonly string[]): Promise<void> {
    await this.#writeZone(records);
    await run('knotc', ['-s', join(this.#folder, 'knot.sock'), '-b', 'zone-reload', 'test']);
  }

  /** Ends the server; its port stays its own until `resume` or `close`. */
  async pause(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running !== undefined && running.exitCode === null) {
      const exited = once(running, 'exit');
      running.kill('SIGTERM');
      await exited;
    }
  }

  async resume(): Promise<void> {
    const knotd = spawn('knotd', ['-c', join(this.#folder, 'knot.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = knotd;
    const log: string[] = [];
    await new Promise<void>((resolve, reject) => {
      knotd.once('error', reject);
      knotd.once('exit', () => reject(new Error(`knotd did not start:\n${log.join('\n')}`)));
      createInterface({ input: knotd.stderr }).on('line', (line) => {
        log.push(line);
        if (line.includes('cannot bind')) {
          reject(new Error(line));
        }
        if (line.includes('control, binding to')) {
          resolve();
        }
      });
    });
  }

  async close(): Promise<void> {
    await this.pause();
    await rm(this.#folder, { recursive: true });
  }

  #writeZone(records: readonly string[]): Promise<void> {
    this.#serial += 1;
    const soa = `@ 1 SOA ns.test. admin.test. ${this.#serial} 60 60 600 1`;
    const zone = ['$ORIGIN test.', soa, '@ 1 NS ns.test.', 'ns 1 A 127.0.0.1', ...records, ''];
    return writeFile(join(this.#folder, 'test.zone'), zone.join('\n'));
  }
}

/** Why the tests against a real server cannot run here; undefined where they can. */
export async function knotIsMissing(): Promise<string | undefined> {
  try {
    await run('knotd', ['--version']);
    return undefined;
  } catch {
    return 'knotd is not installed: apt-get install knot';
  }
}

function configuration(folder: string, address: string): string {
  return `
server:
  rundir: "${folder}"
  listen: ${address.replace(':', '@')}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: "${folder}"
control:
  listen: "${folder}/knot.sock"
template:
  - id: default
    storage: "${folder}"
    file: "%s.zone"
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
zone:
  - domain: test
  - domain: broken
`;
}

/** Knot has to be told a port. Somebody else may take this one first: `start` tries again then. */
async function freeLoopbackAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise<unknown>((closed) => server.close(closed));
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}
