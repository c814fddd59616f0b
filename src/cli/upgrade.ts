import type { Command } from 'commander';

import { type AdminTarget, askAdmin, expectObject, registerAdminCommand } from './admin-client.ts';

/** Longer than the proxy waits for the new process. */
const patienceMs = 240_000;

/** `sluice upgrade`: what SIGUSR2 does, with its result. */
export function registerUpgrade(program: Command): void {
  registerAdminCommand(
    program,
    'upgrade',
    'replace the program of a running proxy, without a connection lost',
  )
    .description(
      'Starts the program and its configuration anew from disk, with the listening sockets of the running proxy. Once the new process serves, the old one drains and ends. Where the new one cannot serve the old one goes on, the reasons are printed, and the exit code is 1.',
    )
    .action(async ({ admin }: { readonly admin: AdminTarget }) => {
      const answer = expectObject(await askAdmin(admin, 'POST', '/upgrade', patienceMs), admin);
      process.stdout.write(`process ${Reflect.get(answer, 'pid')} serves, and the one before drains\n`);
    });
}
