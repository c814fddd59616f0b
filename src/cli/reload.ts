import type { Command } from 'commander';

import { type AdminTarget, askAdmin, expectObject, registerAdminCommand } from './admin-client.ts';

/** Long enough for a hundred thousand routes. */
const patienceMs = 120_000;

/** `sluice reload`: what SIGHUP does, with its result. */
export function registerReload(program: Command): void {
  registerAdminCommand(program, 'reload', 'let a running proxy read its configuration again')
    .description(
      'Lets a running proxy read its configuration again, and prints what changed. Where the new one has problems it prints them, the old one stays, and the exit code is 1.',
    )
    .action(async ({ admin }: { readonly admin: AdminTarget }) => {
      const answer = expectObject(await askAdmin(admin, 'POST', '/reload', patienceMs), admin);
      const changes: unknown = Reflect.get(answer, 'changes');
      const lines = Array.isArray(changes) && changes.length > 0 ? changes.map(String) : ['nothing changed'];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}
