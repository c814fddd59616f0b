import type { Snapshot } from '../config/snapshot.ts';
import type { Addon } from '../data-plane/load-plane.ts';
import type { Credentials } from '../worker/messages.ts';
import { ListeningSockets } from './listening-sockets.ts';
import { prepareAccessLog } from './prepare-access-log.ts';
import { type ServingProxy, servedListeners } from './proxy-report.ts';
import type { UpstreamWatch } from './upstream-watch.ts';
import type { WorkerSetup } from './worker-process.ts';
import { workerSetup } from './worker-setup.ts';

export type PreparedReload =
  | {
      readonly ok: true;
      readonly next: ServingProxy;
      readonly setup: (workerIndex: number) => WorkerSetup;
      readonly watched: ReturnType<UpstreamWatch['prepare']>;
    }
  /** One line each; all is as it was. */
  | { readonly ok: false; readonly problems: readonly string[] };

export interface ReloadSurroundings {
  readonly addon: Addon | undefined;
  readonly credentials: Credentials | undefined;
  /** How long the answers about endpoints are waited for. */
  readonly lookupsMs: number;
  /** Asked at the end: why it is not to be, after all. */
  readonly objection: () => string | undefined;
}

/** All of a reload that may fail or take long: nothing that serves notices. */
export async function prepareReload(
  serving: ServingProxy,
  snapshot: Snapshot,
  { addon, credentials, lookupsMs, objection }: ReloadSurroundings,
): Promise<PreparedReload> {
  const logProblem = prepareAccessLog(snapshot.log.access, credentials);
  if (logProblem !== undefined) return { ok: false, problems: [logProblem] };
  const { listeners, workers, upstreams } = snapshot;
  const opened = await ListeningSockets.open(listeners, workers, addon, serving.sockets);
  if (!opened.ok) return opened;
  const { sockets } = opened;
  const served = servedListeners(sockets);
  const next: ServingProxy = { ...serving, snapshot, loadedAt: new Date(), sockets, served };
  const setup = (workerIndex: number) => workerSetup(workerIndex, next, credentials);

  const { watch, pool } = serving;
  const watched = watch.prepare(upstreams);
  const [problems] = await Promise.all([pool.prepare(setup), watch.settled(lookupsMs, watched)]);
  const objected = objection();
  if (objected !== undefined) problems.push(objected);
  if (problems.length === 0) return { ok: true, next, setup, watched };
  pool.stay();
  watch.discard(watched);
  sockets.closeExcept(serving.sockets);
  return { ok: false, problems };
}
