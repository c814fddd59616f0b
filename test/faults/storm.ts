import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import type { Stage } from './stage.ts';

const atOnce = 100;
/** How often the peak is looked at while connections come and go. */
const lookEvery = 500;
/** So many new ones a second leave two cores time for these clients themselves, the proxy and the others. */
const pacePerSecond = 500;

/** Does it so many times, no more than `atOnce` at a time. */
export async function inTurns(
  stage: Stage,
  times: number,
  each: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const takeTurns = async () => {
    for (let i = next++; i < times; i = next++) {
      if (i % lookEvery === 0) stage.note();
      await each(i);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, takeTurns));
}

/** So many clients who each do this: about half of them at a pace, and the rest as fast as the machine makes them. */
export function storm(most: number, each: (stage: Stage) => Promise<void>): Fault['run'] {
  return async (stage) => {
    const times = stage.times(most);
    let paced = 0;
    await stage.lookByTurns((1000 * times) / 2 / pacePerSecond, async (ms) => {
      paced += await atPace(ms, () => each(stage));
    });
    const left = Math.max(0, times - paced);
    await stage.lookFlatOut(left, () => inTurns(stage, left, () => each(stage)));
    return paced + left;
  };
}

/** For so long, whatever becomes of those who have come before. Resolves with their number once all have ended. */
async function atPace(ms: number, each: () => Promise<void>): Promise<number> {
  const underWay: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let passedMs = 0; passedMs < ms; passedMs = performance.now() - startedAt) {
    while (underWay.length < (passedMs * pacePerSecond) / 1000) underWay.push(each());
    await sleep(1);
  }
  await Promise.all(underWay);
  return underWay.length;
}
