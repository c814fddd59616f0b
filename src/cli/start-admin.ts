import type { Logger } from 'pino';

import { AdminServer } from '../admin/admin-server.ts';
import type { AdminSnapshot } from '../config/snapshot.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { CommandFailure } from './command-failure.ts';
import type { Stopping } from './stop-on-signals.ts';
import { packageVersion } from './version.ts';

/** The admin server, from before the proxy starts, so that it can say that it does; undefined where it is turned off. */
export async function startAdmin(
  admin: AdminSnapshot | undefined,
  supervisor: Supervisor,
  stopping: Stopping,
  log: Logger,
): Promise<AdminServer | undefined> {
  if (admin === undefined) return undefined;
  const started = await AdminServer.start(admin, {
    proxy: supervisor,
    version: packageVersion(),
    drain: () => stopping.drain('POST /drain'),
  });
  if (!started.ok && isDefault(admin)) {
    // Another proxy on this machine has it, and nobody chose it for this one: no reason not to serve.
    log.warn({ problem: started.problem }, 'no admin server');
    return undefined;
  }
  if (!started.ok) throw new CommandFailure(`sluice: ${started.problem}`);
  log.info({ address: started.server.address }, 'admin server listens');
  return started.server;
}

function isDefault({ address }: AdminSnapshot): boolean {
  return 'port' in address && address.host === '127.0.0.1' && address.port === 9901;
}
