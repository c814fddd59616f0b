import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import { choosePlane, type PlaneChoice } from '../data-plane/load-plane.ts';
import type { Credentials } from '../worker/messages.ts';
import type { Inheritance } from './handover/inheritance.ts';
import { ListeningSockets } from './listening-sockets.ts';
import { prepareAccessLog } from './prepare-access-log.ts';
import { resolveUser } from './resolve-user.ts';

export type PreparedStart =
  | {
      readonly ok: true;
      readonly credentials: Credentials | undefined;
      readonly plane: PlaneChoice & { ok: true };
      readonly sockets: ListeningSockets;
    }
  /** One line each; nothing is left open. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** What a start needs of the machine: a user, a data plane, a place for the access log, the listening sockets. */
export async function prepareStart(
  { user, dataPlane, log: { access }, listeners, workers }: Snapshot,
  inheritance: Inheritance,
  log: Logger,
): Promise<PreparedStart> {
  const resolved = resolveUser(user);
  if (!resolved.ok) return { ok: false, problems: [resolved.problem] };
  const { credentials } = resolved;
  const plane = choosePlane(dataPlane);
  if (!plane.ok) return { ok: false, problems: [plane.problem] };
  if (plane.fallback !== undefined) log.warn({ reason: plane.fallback }, 'portable data plane');

  const logProblem = prepareAccessLog(access, credentials);
  if (logProblem !== undefined) return { ok: false, problems: [logProblem] };
  const inherited = await inheritance.sockets(listeners, plane.addon);
  if (!inherited.ok) return inherited;
  const opened = await ListeningSockets.open(listeners, workers, plane.addon, inherited.sockets);
  if (!opened.ok) return opened;
  inherited.sockets.closeExcept(opened.sockets);
  return { ok: true, credentials, plane, sockets: opened.sockets };
}
