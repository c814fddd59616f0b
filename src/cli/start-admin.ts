import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

import type { AdminAppOptions } from '../admin/admin-app.ts';
import { AdminServer } from '../admin/admin-server.ts';
import type { AdminSnapshot } from '../config/snapshot.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { CommandFailure } from './command-failure.ts';
import type { Stopping } from './stop-on-signals.ts';
import { packageVersion } from './version.ts';

export interface AdminSurroundings {
  readonly supervisor: Supervisor;
  readonly stopping: Stopping;
  readonly log: Logger;
  readonly upgrade?: NonNullable<AdminAppOptions['upgrade']>;
}

/** An upgraded proxy gives the address up within a moment. */
const retryMs = 10;
const retries = 500;

/**
 * The admin server, from before the proxy starts, so that it can say that it does; undefined where it is turned off, and
 * where a proxy has its address whose place this one takes: then `succeedAdmin` is to follow.
 */
export async function startAdmin(
  admin: AdminSnapshot | undefined,
  surroundings: AdminSurroundings,
  isSuccessor = false,
): Promise<AdminServer | undefined> {
  if (admin === undefined) return undefined;
  const started = await start(admin, surroundings);
  if (started.ok) return started.server;
  if (isSuccessor && started.isInUse) return undefined;
  if (!isDefault(admin)) throw new CommandFailure(`sluice: ${started.problem}`);
  // Another proxy on this machine has it, and nobody chose it for this one: no reason not to serve.
  surroundings.log.warn({ problem: started.problem }, 'no admin server');
  return undefined;
}

/** The same once that proxy gives the address up. */
export async function succeedAdmin(
  admin: AdminSnapshot | undefined,
  surroundings: AdminSurroundings,
): Promise<AdminServer | undefined> {
  if (admin === undefined) return undefined;
  for (let tries = 0; ; tries++) {
    const started = await start(admin, surroundings);
    if (started.ok) return started.server;
    if (tries >= retries) {
      surroundings.log.error({ problem: started.problem }, 'no admin server');
      return undefined;
    }
    await delay(retryMs);
  }
}

async function start(admin: AdminSnapshot, { supervisor, stopping, log, upgrade }: AdminSurroundings) {
  const started = await AdminServer.start(admin, {
    proxy: supervisor,
    version: packageVersion(),
    drain: () => stopping.drain('POST /drain'),
    ...(upgrade && { upgrade }),
  });
  if (started.ok) log.info({ address: started.server.address }, 'admin server listens');
  return started;
}

function isDefault({ address }: AdminSnapshot): boolean {
  return 'port' in address && address.host === '127.0.0.1' && address.port === 9901;
}
