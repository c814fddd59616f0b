import type { Credentials } from '../worker/messages.ts';
import { descriptorLimit, workerMaxConnections } from './max-connections.ts';
import type { ServingProxy } from './proxy-report.ts';
import type { WorkerSetup } from './worker-process.ts';

/** What one worker gets, to begin with or to change over to. */
export function workerSetup(
  workerIndex: number,
  { snapshot, plane, sockets, watch }: Pick<ServingProxy, 'snapshot' | 'plane' | 'sockets' | 'watch'>,
  credentials: Credentials | undefined,
): WorkerSetup {
  const { routes: _, ...rest } = snapshot;
  const slot = { index: workerIndex, count: snapshot.workers };
  const { maxConnections } = snapshot.limits;
  return {
    snapshot,
    configure: {
      kind: 'configure',
      snapshot: rest,
      plane,
      workerIndex,
      workerCount: snapshot.workers,
      maxConnections: workerMaxConnections(maxConnections, slot, descriptorLimit()),
      credentials,
      ownListeners: Array.from(sockets.addresses(), ([, address]) => address),
    },
    upstreams: () => watch.messages(),
    sockets: sockets.forWorker(workerIndex),
  };
}
