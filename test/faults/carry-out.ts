import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessLine } from '../access-log-file.ts';
import { samplesOf } from '../admin/admin-requests.ts';
import { Bystander } from './bystander.ts';
import type { Fault } from './fault.ts';
import type { FaultFigures, Held } from './figures.ts';
import { Stage, type StageOptions } from './stage.ts';

const patienceMs = 60_000;
/** Nobody listens on port 1. */
const nobody = '127.0.0.1:1';
/** The callers of the bystander hold a connection each, with two sockets. */
const slackDescriptors = 16;
/** Memory that was needed once may stay with the process for a while; JavaScript's heap gives back little of it. */
const slackKib: Readonly<Record<string, number>> = { native: 64 * 1024, portable: 256 * 1024 };

/** Does a fault to a proxy of its own, and holds the proxy to its promise. */
export async function carryOut(fault: Fault, plane: string, scale: number): Promise<FaultFigures> {
  const upstream = await fault.upstream?.();
  try {
    const bystander = await Bystander.open();
    try {
      return await onStage(fault, {
        plane,
        scale,
        bystander,
        faulty: upstream?.address ?? nobody,
        ...fault.settings,
      });
    } finally {
      await bystander.close();
    }
  } finally {
    await upstream?.close();
  }
}

async function onStage(fault: Fault, options: StageOptions): Promise<FaultFigures> {
  const stage = await Stage.open(options);
  try {
    return await observed(fault, stage, options.bystander);
  } finally {
    await stage.end();
  }
}

async function observed(fault: Fault, stage: Stage, bystander: Bystander): Promise<FaultFigures> {
  await stage.lookAtQuiet();
  const idle = stage.holding();
  const times = await fault.run(stage);
  const lines = await linesOf(stage, times);
  const outcomes = tally(lines.map(({ outcome }) => outcome));
  const unexpected = lines.find(({ outcome }) => !fault.outcomes.includes(outcome));
  assert.equal(unexpected, undefined, JSON.stringify(unexpected));
  assert.equal(lines.length, times, 'lines in the access log');
  await assertCounted(fault, stage, outcomes, times);
  const after = await backAt(stage, idle);
  const { failures, calls } = await bystander.take();
  stage.failures.push(...failures);
  assert.deepEqual(stage.failures, [], 'others are served');
  assert.deepEqual(stage.complaints, []);
  const { peak, waits } = stage.seen;
  const { name, promise } = fault;
  const { plane } = stage;
  return {
    ...{ fault: name, promise, plane, times, outcomes, others: calls, othersLost: stage.failures.length },
    ...{ ...waits, idle, peak, after },
  };
}

/** The lines of the fault's connections; those of others are left out. */
async function linesOf(stage: Stage, count: number): Promise<AccessLine[]> {
  const lines: AccessLine[] = [];
  for (const giveUpAt = performance.now() + patienceMs; ; await sleep(50)) {
    lines.push(...stage.newLines().filter(({ route }) => route !== 'healthy'));
    if (lines.length >= count || performance.now() > giveUpAt) return lines;
  }
}

async function assertCounted(
  fault: Fault,
  stage: Stage,
  outcomes: Readonly<Record<string, number>>,
  times: number,
): Promise<void> {
  const metrics = await stage.metrics();
  const counted: Record<string, number> = {};
  for (const [labels, count] of Object.entries(samplesOf(metrics, 'sluice_connections_total'))) {
    const [, route, outcome = ''] = /route="(.*)",outcome="(.*)"$/.exec(labels) ?? [];
    if (route !== 'healthy') counted[outcome] = (counted[outcome] ?? 0) + count;
  }
  assert.deepEqual(counted, outcomes, 'connections counted as they are logged');
  for (const [reason, each] of Object.entries(fault.failedDials ?? {})) {
    const failed = Object.entries(samplesOf(metrics, 'sluice_connect_failures_total'))
      .filter(([labels]) => labels.includes(`reason="${reason}"`))
      .reduce((sum, [, count]) => sum + count, 0);
    assert.equal(failed, each * times, `dials that failed with ${reason}`);
  }
}

async function backAt(stage: Stage, idle: Held): Promise<Held> {
  for (const giveUpAt = performance.now() + patienceMs; ; await sleep(100)) {
    const now = stage.holding();
    const isBack =
      now.descriptors <= idle.descriptors + slackDescriptors &&
      now.pssKib <= idle.pssKib + (slackKib[stage.plane] ?? 0);
    if (isBack) return now;
    const held = `holds ${JSON.stringify(now)} after, ${JSON.stringify(idle)} before`;
    assert.ok(performance.now() < giveUpAt, held);
  }
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
