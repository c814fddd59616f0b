import type { SharedPorts } from '../data-plane/load-plane.ts';
import { type BindAddress, BoundSocket } from './bound-socket.ts';

/** The kernel caps it at net.core.somaxconn, which is the place to set it. */
const backlog = 65_535;

/** One socket for each worker; the first has the port for itself until the others join it. */
export function openForEach(to: BindAddress, workerCount: number, ports: SharedPorts): BoundSocket[] {
  const shared = { backlog, ipv6Only: false, sharesPort: workerCount > 1 };
  const fd = ports.openListeningSocket({ ...to, ...shared, joins: false });
  const first = BoundSocket.adopt(fd, to);
  try {
    return [first, ...join(first, workerCount - 1, ports)];
  } catch (error) {
    first.close();
    throw error;
  }
}

/**
 * As many sockets as there are workers, of a port that another number of workers had. Until `dealToAll`, connections go
 * to those alone that both have, so that the others stay who they are: those before, or nobody.
 */
export function resize(
  sockets: readonly BoundSocket[],
  workerCount: number,
  ports: SharedPorts | undefined,
): readonly BoundSocket[] {
  const [first] = sockets;
  // A service manager hands out one, which all workers share; as they do without the addon.
  const isFixed = ports === undefined || first?.owner === 'service-manager';
  if (first === undefined || sockets.length === workerCount || (isFixed && sockets.length < workerCount))
    return sockets;
  if (ports === undefined) {
    throw new Error(
      `${sockets.length} workers share the port, and ${workerCount} can take it over with the addon alone: set workers to ${sockets.length}, or build the addon`,
    );
  }
  if (sockets.length > workerCount) {
    ports.dealTo(first.fd, workerCount);
    return sockets.slice(0, workerCount);
  }
  ports.sharePort(first.fd);
  if (sockets.length > 1) ports.dealTo(first.fd, sockets.length);
  const joined = join(first, workerCount - sockets.length, ports, () =>
    ports.dealTo(first.fd, sockets.length),
  );
  return [...sockets, ...joined];
}

/** Every one of the sockets gets its share of the connections. */
export function dealToAll(sockets: readonly BoundSocket[], ports: SharedPorts): void {
  const [first] = sockets;
  if (first !== undefined && sockets.length > 1) ports.dealTo(first.fd, sockets.length);
}

/** More sockets at the port of the first. */
function join(first: BoundSocket, count: number, ports: SharedPorts, joined = () => {}): BoundSocket[] {
  const sockets: BoundSocket[] = [];
  const shared = { backlog, ipv6Only: false, sharesPort: true, joins: true };
  try {
    while (sockets.length < count) {
      const fd = ports.openListeningSocket({ ...first.address, ...shared });
      sockets.push(BoundSocket.adopt(fd, first.address));
      joined();
    }
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}
