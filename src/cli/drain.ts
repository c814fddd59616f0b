import type { Command } from 'commander';

import { type AdminTarget, askAdmin, expectObject, registerAdminCommand } from './admin-client.ts';

/** `sluice drain`: what SIGTERM does. */
export function registerDrain(program: Command): void {
  registerAdminCommand(program, 'drain', 'let a running proxy end gracefully')
    .description(
      'Lets a running proxy accept nothing more, and end when its connections have ended or timeouts.drain is up.',
    )
    .action(async ({ admin }: { readonly admin: AdminTarget }) => {
      expectObject(await askAdmin(admin, 'POST', '/drain'), admin);
      process.stdout.write('draining\n');
    });
}
