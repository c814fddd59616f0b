import type { AdminServer } from '../admin/admin-server.ts';
import type { UpgradeResult } from '../admin/administered.ts';
import type { ServiceManager } from '../supervisor/service-manager.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Stopping } from './stop-on-signals.ts';

interface Surroundings {
  readonly supervisor: Supervisor;
  readonly stopping: Stopping;
  readonly serviceManager: ServiceManager;
  /** Undefined: it is turned off. */
  readonly admin: () => AdminServer | undefined;
}

/**
 * Puts a new process in the place of this one: it serves before this one drains. Without a way to, nothing is changed,
 * and one line says why.
 */
export async function succeed(
  { supervisor, stopping, serviceManager, admin }: Surroundings,
  why: string,
): Promise<UpgradeResult> {
  const upgrade = await supervisor.upgrade(why);
  if (!upgrade.ok) return upgrade;
  const { successor } = upgrade;
  const { pid } = successor;
  if (pid !== undefined) serviceManager.handOver(pid);
  admin()?.leave();
  stopping.drain(why);
  successor.takeOver();
  return { ok: true, pid };
}
