import { setImmediate } from 'node:timers/promises';

/** How long others wait for the work at most: as long as for a busy neighbour. */
const sliceMs = 2;
/** Looking at the clock costs as much as a small step. */
const stepsPerLook = 16;

/** Takes every step of the work, and gives the process's other work its turns in between. */
export async function inSlices<T>(work: Iterator<void, T>): Promise<T> {
  let sliceStart = performance.now();
  for (let step = 1; ; step++) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (step % stepsPerLook !== 0 || performance.now() - sliceStart < sliceMs) continue;
    await setImmediate();
    sliceStart = performance.now();
  }
}

/** Takes every step at once. */
export function atOnce<T>(work: Iterator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
