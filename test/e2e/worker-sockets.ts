import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { eventually } from './sluice-process.ts';

/** While others come and go, a reading of /proc/net/tcp may skip one that stays. */
const readings = 5;

/**
 * Stops the process, and says whose connections to this port it owns, as `127.0.0.1:PORT`: killed then, it takes these
 * and no others with it.
 */
export async function stopAndListClients(pid: number, port: number): Promise<string[]> {
  process.kill(pid, 'SIGSTOP');
  await eventually('it has stopped', () => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
  const inodes = socketInodes(pid);
  const clients = new Set<string>();
  for (let reading = 0; reading < readings; reading++) {
    for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)) {
      const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
      if (portOf(local) === port && inodes.has(inode)) clients.add(`127.0.0.1:${portOf(remote)}`);
    }
  }
  return [...clients];
}

function socketInodes(pid: number): ReadonlySet<string> {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/** `0100007F:20FB`: the port in hexadecimal. */
function portOf(address: string): number {
  return Number.parseInt(address.slice(-4), 16);
}
