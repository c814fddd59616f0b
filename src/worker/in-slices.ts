import { setImmediate } from 'node:timers/promises';

/** How long connections wait for the work at most: as long as for a busy neighbour. */
const sliceMs = 2;
/** Looking at the clock costs as much as a small step. */
const stepsPerLook = 16;

/** Takes every step of the work, and gives connections their turns in between. */
export async function inSlices(work: Iterator<void>): Promise<void> {
  let sliceStart = performance.now();
  for (let step = 1; work.next().done !== true; step++) {
    if (step % stepsPerLook !== 0 || performance.now() - sliceStart < sliceMs) continue;
    await setImmediate();
    sliceStart = performance.now();
  }
}
