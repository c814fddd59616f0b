import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import { availableCpuCount } from '../../src/config/cpu-count.ts';

/** The count on a machine with 16 CPUs and these files below `/`. */
function count(files: Record<string, string>): number {
  const root = mkdtempSync(join(tmpdir(), 'sluice-cpu-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return availableCpuCount(root, 16);
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe('the CPUs this process may use', () => {
  it('are those of the machine without cgroups', () => {
    assert.equal(count({}), 16);
    assert.ok(availableCpuCount() >= 1);
  });

  it('are as many as a quota of cgroup version 2 allows, rounded up', () => {
    const group = (max: string) =>
      count({ 'proc/self/cgroup': '0::/app\n', 'sys/fs/cgroup/app/cpu.max': max });
    assert.equal(group('200000 100000\n'), 2);
    assert.equal(group('250000 100000\n'), 3);
    assert.equal(group('10000 100000\n'), 1);
    assert.equal(group('6400000 100000\n'), 16);
    assert.equal(group('max 100000\n'), 16);
    assert.equal(group('nonsense'), 16);
    assert.equal(group(''), 16);
  });

  it('are as few as any group around allows', () => {
    assert.equal(
      count({
        'proc/self/cgroup': '0::/system.slice/app.service\n',
        'sys/fs/cgroup/system.slice/cpu.max': '300000 100000\n',
        'sys/fs/cgroup/system.slice/app.service/cpu.max': '800000 100000\n',
      }),
      3,
    );
  });

  it('are found in a container that sees the path of its host', () => {
    assert.equal(
      count({ 'proc/self/cgroup': '0::/kubepods/pod1/abc\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n' }),
      2,
    );
    assert.equal(
      count({ 'proc/self/cgroup': '0::/../../x\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n' }),
      2,
    );
  });

  it('are as many as a quota of cgroup version 1 allows', () => {
    const group = (quota: string) =>
      count({
        'proc/self/cgroup': '5:memory:/a\n4:cpuset:/b\n3:cpu,cpuacct:/docker/c\n1:name=systemd:/\n0::/\n',
        'sys/fs/cgroup/cpu/docker/c/cpu.cfs_quota_us': quota,
        'sys/fs/cgroup/cpu/docker/c/cpu.cfs_period_us': '100000\n',
      });
    assert.equal(group('450000\n'), 5);
    assert.equal(group('-1\n'), 16);
  });
});
