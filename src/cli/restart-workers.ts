import type { Command } from 'commander';

import type { RestartResult } from '../admin/administered.ts';
import { type AdminTarget, askAdmin, expectObject, registerAdminCommand } from './admin-client.ts';

/** Many workers, each with a million routes to take in. */
const patienceMs = 600_000;

/** `sluice restart-workers`: new processes, one at a time, without a connection lost. */
export function registerRestartWorkers(program: Command): void {
  registerAdminCommand(program, 'restart-workers', 'replace the workers of a running proxy, one at a time')
    .description(
      'Replaces the workers of a running proxy one at a time: the new one serves before the old one drains. Live connections stay with the old one until they end or timeouts.drain is up. Where a new one cannot start the old one stays, the others are left alone, and the exit code is 1.',
    )
    .action(async ({ admin }: { readonly admin: AdminTarget }) => {
      const answer = await askAdmin(admin, 'POST', '/restart-workers', patienceMs);
      for (const line of linesOf(answer.body)) process.stdout.write(`${line}\n`);
      expectObject(answer, admin);
    });
}

function linesOf(body: unknown): string[] {
  if (!isRestart(body)) return [];
  return body.replaced.map(({ index, before, now }) => `worker ${index}: process ${before} is now ${now}`);
}

function isRestart(body: unknown): body is Pick<RestartResult, 'replaced'> {
  return typeof body === 'object' && body !== null && Array.isArray(Reflect.get(body, 'replaced'));
}
