import { isIPv4 } from 'node:net';

import type { ListenAddress } from './address.ts';
import type { ConfigParts } from './config-parts.ts';
import type { Finding, Path } from './finding.ts';

interface Bind extends ListenAddress {
  readonly who: string;
  readonly path: Path;
}

/** Listeners, and the admin server, of which one could not bind its address because another has. */
export function sharedAddresses(parts: ConfigParts): Finding[] {
  const byPort = new Map<number, Bind[]>();
  return binds(parts).flatMap((bind): Finding[] => {
    const earlier = byPort.get(bind.port) ?? [];
    byPort.set(bind.port, [...earlier, bind]);
    const other = earlier.find(({ host }) => isShared(host, bind.host));
    if (other === undefined) return [];
    const message = `is an address that ${other.who} binds; allowed is a host or port of its own`;
    return [{ path: bind.path, message, other: other.path }];
  });
}

function binds({ listeners, admin }: ConfigParts): Bind[] {
  const all = (listeners ?? []).flatMap(({ value }, i): Bind[] =>
    value === undefined
      ? []
      : [{ ...value.address, who: `the listener "${value.name}"`, path: ['listeners', i, 'address'] }],
  );
  const address = admin?.address;
  if (address !== undefined && address !== false && 'port' in address) {
    all.push({ ...address, who: 'the admin server', path: ['admin', 'address'] });
  }
  // Every ephemeral port is another.
  return all.filter(({ port }) => port !== 0);
}

/** With the same port. A socket for every address takes the port from those for one of them, on Linux at least. */
function isShared(a: string | undefined, b: string | undefined): boolean {
  return a === b || covers(a, b) || covers(b, a);
}

/** `::` is every IPv4 address, too: the sockets are not IPv6 only. */
function covers(every: string | undefined, host: string | undefined): boolean {
  return every === undefined || every === '::' || (every === '0.0.0.0' && isIPv4(host ?? ''));
}
