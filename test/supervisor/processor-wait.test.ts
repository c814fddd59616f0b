import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { ProcessorWait, type Schedule, wasStarved } from '../../src/supervisor/processor-wait.ts';
import { eventually } from '../e2e/sluice-process.ts';

const at = (atMs: number, ranMs: number, waitedMs: number, isRunnable: boolean): Schedule => ({
  atMs,
  ranMs,
  waitedMs,
  isRunnable,
});

describe('a process was starved', () => {
  const before = at(5_000, 100, 40, true);

  test('that ran a little and waited for most of the time', () => {
    assert.ok(wasStarved(before, at(6_000, 130, 1_000, true)));
    assert.ok(wasStarved(before, at(6_000, 130, 1_000, false)));
  });

  test('that could run all the time and was never let: its wait is not counted before it ends', () => {
    assert.ok(wasStarved(before, at(6_000, 100, 40, true)));
  });

  test('but not one that slept, is stopped, or had the processor', () => {
    assert.ok(!wasStarved(before, at(6_000, 100, 40, false)));
    assert.ok(!wasStarved(before, at(6_000, 101, 41, false)));
    assert.ok(!wasStarved(before, at(6_000, 1_000, 140, true)));
  });
});

/** Has the first processor that this process may use to itself and its like. */
function onOneProcessor(...command: string[]): ChildProcess {
  const [, first = '0'] =
    /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return spawn('taskset', ['-c', first, ...command], { stdio: 'ignore' });
}

const loop = [process.execPath, '-e', 'for (;;);'];

describe('of a real process', { skip: process.platform !== 'linux' && 'only Linux says' }, () => {
  test('it is seen that another takes all the processor time', async () => {
    const other = onOneProcessor(...loop);
    const starved = onOneProcessor('chrt', '--idle', '0', ...loop);
    const wait = new ProcessorWait(starved.pid);
    try {
      await eventually('it is starved', async () => wait.isStarved());
    } finally {
      const ends = [starved, other].map((each) => once(each, 'exit'));
      for (const each of [starved, other]) each.kill('SIGKILL');
      await Promise.all(ends);
    }
  });

  test('it is seen that it was stopped', async () => {
    const stopped = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
    await once(stopped, 'spawn');
    stopped.kill('SIGSTOP');
    const state = () => readFileSync(`/proc/${stopped.pid}/stat`, 'latin1').replace(/.*\) /s, '')[0];
    await eventually('it is stopped', async () => state() === 'T');
    const wait = new ProcessorWait(stopped.pid);
    assert.ok(!wait.isStarved());
    assert.ok(!wait.isStarved());
    stopped.kill('SIGKILL');
    await once(stopped, 'exit');
  });

  test('nothing is said once it has gone', async () => {
    const gone = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
    await once(gone, 'exit');
    const wait = new ProcessorWait(gone.pid);
    assert.ok(!wait.isStarved());
    assert.ok(!wait.isStarved());
  });
});
