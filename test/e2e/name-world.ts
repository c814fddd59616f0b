import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Knot, knotIsMissing } from '../upstream/dns-knot.ts';

/** Linux: puts two files in place of the system's for the program that follows, and for no other. */
const bindFiles =
  'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"';

/** A DNS server, a resolv.conf and a hosts file that programs can be run with. */
export class NameWorld {
  /** A command that runs another in this world. */
  readonly through: readonly string[];
  readonly knot: Knot;
  readonly #folder: string;

  private constructor(folder: string, knot: Knot) {
    this.#folder = folder;
    this.knot = knot;
    this.through = [
      ...['unshare', '--mount', 'sh', '-c', bindFiles, 'sh'],
      ...[join(folder, 'resolv.conf'), join(folder, 'hosts')],
    ];
  }

  /** `hosts`: lines of a hosts file. */
  static async create(hosts: readonly string[] = []): Promise<NameWorld> {
    // resolv.conf knows no ports, so the server needs port 53 of an address that is nobody else's.
    const knot = await Knot.start([], () => `127.53.${1 + randomByte()}.${1 + randomByte()}:53`);
    const folder = await mkdtemp(join(tmpdir(), 'sluice-names-'));
    const [server] = knot.address.split(':');
    await writeFile(join(folder, 'resolv.conf'), `nameserver ${server}\n`);
    await writeFile(join(folder, 'hosts'), ['127.0.0.1 localhost', ...hosts, ''].join('\n'));
    return new NameWorld(folder, knot);
  }

  async close(): Promise<void> {
    await this.knot.close();
    await rm(this.#folder, { recursive: true });
  }
}

function randomByte(): number {
  return Math.floor(Math.random() * 250);
}

/**
 * Adds a test that says why there can be no such world here: it fails where a package is missing, unless
 * SLUICE_SKIP_PEERS=1 wants to do without, and is skipped where this user has not the right. Returns whether the
 * tests in it are to be skipped.
 */
export async function testIsPossible(): Promise<{ readonly skip: boolean }> {
  const missing = await knotIsMissing();
  const unshare = spawnSync('unshare', ['--mount', 'mount', '--bind', '/etc/hosts', '/etc/hosts']);
  const forbidden = unshare.status === 0 ? undefined : 'only root may mount a resolv.conf of its own';
  test('there is a DNS server, and a namespace to use it in', (t) => {
    const reason = missing ?? forbidden;
    if (reason === undefined) return;
    console.error(`\n*** NOT TESTED WITH REAL DNS: ${reason} ***\n`);
    const { SLUICE_SKIP_PEERS: skips } = process.env;
    if (missing !== undefined) assert.equal(skips, '1', `${missing}, or set SLUICE_SKIP_PEERS=1`);
    t.skip(reason);
  });
  return { skip: (missing ?? forbidden) !== undefined };
}
