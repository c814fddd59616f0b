import { readFileSync } from 'node:fs';

import type { ListenerSnapshot } from '../config/snapshot.ts';

/** One line: which listener, which address, why not, and what helps. */
export function bindProblem(listener: ListenerSnapshot, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const where = `listener ${listener.name}: cannot listen on ${listenerAddress(listener)}`;
  const known = code === undefined ? undefined : reasons[code]?.(listener);
  if (known !== undefined) return `${where}: ${known} (${code})`;
  return `${where}: ${error instanceof Error ? error.message : String(error)}`;
}

/** As the configuration writes it: `:443`, `[::1]:443`, `127.0.0.1:443`. */
export function listenerAddress({ host, port }: { host: string | undefined; port: number }): string {
  if (host === undefined) return `:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const reasons: Readonly<Record<string, (listener: ListenerSnapshot) => string>> = {
  EADDRINUSE: ({ port }) =>
    `the address is already in use; stop what listens there (ss -ltnp 'sport = :${port}' shows it) or choose another port`,
  EACCES: ({ port }) =>
    `permission denied; ports below ${firstUnprivilegedPort()} need CAP_NET_BIND_SERVICE: ` +
    `start as root and set user, or setcap cap_net_bind_service=+ep ${process.execPath}, ` +
    `or AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit, or choose a higher port than ${port}`,
  EADDRNOTAVAIL: () =>
    'this machine does not have the address; use one that `ip address` shows, or :PORT for all of them',
  EAFNOSUPPORT: () => 'this machine has no IPv6; use an IPv4 address',
  ENOTFOUND: () => 'the name does not resolve; use an IP address, or a name that does',
  EAI_AGAIN: () => 'the name does not resolve at the moment; use an IP address, or check the resolver',
  EMFILE: () => 'too many open files; raise the limit (ulimit -n, or LimitNOFILE in a systemd unit)',
};

function firstUnprivilegedPort(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'), 10);
  } catch {
    return 1024;
  }
}
