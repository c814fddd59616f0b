import { setImmediate as nextTurn } from 'node:timers/promises';

/** Turns the event loop until the condition holds; for what no event tells. */
export async function until(condition: () => boolean, what: string, withinMs = 30_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await nextTurn();
  }
}

/** Lets everything that is due happen, a few times over. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}
