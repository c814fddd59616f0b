import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * How many CPUs this process may use: those it may run on, or fewer where a cgroup allows less of their time, rounded
 * up. `root` is where `/proc` and `/sys` are.
 */
export function availableCpuCount(root = '/', parallelism = availableParallelism()): number {
  const quotas = controlGroups(readText(join(root, 'proc/self/cgroup'))).map((group) => quotaOf(group, root));
  return Math.max(1, Math.min(parallelism, ...quotas.map(Math.ceil)));
}

interface ControlGroup {
  readonly version: 1 | 2;
  readonly path: string;
}

/** The groups this process is in that can limit its CPU time: lines of `hierarchy:controllers:path`, cgroups(7). */
function controlGroups(text: string): ControlGroup[] {
  return text.split('\n').flatMap((line): ControlGroup[] => {
    const [, hierarchy, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (hierarchy === '0') return [{ version: 2, path }];
    return controllers.split(',').includes('cpu') ? [{ version: 1, path }] : [];
  });
}

/**
 * The least number of CPUs that a group or one it is in allows. In a container the path may be the host's, and then
 * only the topmost folder, the container's own, is there.
 */
function quotaOf({ version, path }: ControlGroup, root: string): number {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  let least = Number.POSITIVE_INFINITY;
  for (let depth = names.length; depth >= 0; depth--) {
    const group = names.slice(0, depth);
    const quota =
      version === 2
        ? quotaVersion2(join(root, 'sys/fs/cgroup', ...group))
        : quotaVersion1(join(root, 'sys/fs/cgroup/cpu', ...group));
    least = Math.min(least, quota);
  }
  return least;
}

/** `cpu.max` is `QUOTA PERIOD` in microseconds, QUOTA `max` for none. */
function quotaVersion2(folder: string): number {
  const [quota, period] = readText(join(folder, 'cpu.max')).trim().split(' ');
  return share(quota, period);
}

/** Where there is no quota it is -1. */
function quotaVersion1(folder: string): number {
  return share(readText(join(folder, 'cpu.cfs_quota_us')), readText(join(folder, 'cpu.cfs_period_us')));
}

function share(quota: string | undefined, period: string | undefined): number {
  const cpus = Number.parseInt(quota ?? '', 10) / Number.parseInt(period ?? '', 10);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

/** Empty where there is no such file: another system than Linux, or no such controller. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
