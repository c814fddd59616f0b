import type { Command } from 'commander';

import type { AdminStatus } from '../admin/admin-app.ts';
import { type AdminTarget, askAdmin, expectObject, registerAdminCommand } from './admin-client.ts';
import { CommandFailure } from './command-failure.ts';
import { describeStatus, mostRows } from './status-table.ts';

/** `sluice status`: a running proxy at a glance. */
export function registerStatus(program: Command): void {
  registerAdminCommand(program, 'status', 'show workers, listeners, routes and endpoints of a running proxy')
    .description(
      'Shows what a running proxy says of itself: workers, listeners, routes, and endpoints with their health.',
    )
    .option('--json', 'as JSON')
    .action(async ({ admin, json }: { readonly admin: AdminTarget; readonly json?: boolean }) => {
      const status = expectObject(
        await askAdmin(admin, 'GET', json === true ? '/status' : `/status?routes=${mostRows}`),
        admin,
      );
      if (!isStatus(status))
        throw new CommandFailure(`sluice: what answers at ${admin.shown} is not Sluice's admin server`);
      const text = json === true ? JSON.stringify(status, undefined, 2) : describeStatus(status, new Date());
      process.stdout.write(`${text}\n`);
    });
}

/** Whoever says this much is Sluice, and says the rest. */
function isStatus(body: object): body is AdminStatus {
  return 'version' in body && 'workers' in body && 'upstreams' in body;
}
