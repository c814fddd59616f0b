import type { Credentials } from '../worker/messages.ts';
import type { ServingProxy } from './proxy-report.ts';
import type { WorkerSetup } from './worker-process.ts';

/** What one worker gets, to begin with or to change over to. */
export function workerSetup(
  workerIndex: number,
  {
    snapshot,
    plane,
    sockets,
    watch,
    limits,
  }: Pick<ServingProxy, 'snapshot' | 'plane' | 'sockets' | 'watch' | 'limits'>,
  credentials: Credentials | undefined,
): WorkerSetup {
  const { routes: _, ...rest } = snapshot;
  return {
    snapshot,
    configure: {
      kind: 'configure',
      snapshot: rest,
      plane,
      workerIndex,
      workerCount: snapshot.workers,
      limitRow: undefined,
      limitColumns: limits?.columnsOf(snapshot.upstreams) ?? new Map(),
      credentials,
      ownListeners: Array.from(sockets.addresses(), ([, address]) => address),
    },
    limits,
    upstreams: () => watch.messages(),
    sockets: sockets.forWorker(workerIndex),
  };
}
