// Chaos against a real proxy, for as long as is wanted; ends with 1 where an invariant did not hold.
// usage: npm run test:chaos -- [--seconds 60] [--seed N] [--plane native|portable] [--connections 400]
import { parseArgs } from 'node:util';
import { planes } from '../e2e/sluice-process.ts';
import { chaos } from './chaos.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    plane: { type: 'string' },
    connections: { type: 'string', default: '400' },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);
const wanted = planes.filter((plane) => values.plane === undefined || plane === values.plane);

for (const plane of wanted) {
  console.log(`chaos: ${plane} plane, seed ${seed} (--seed ${seed} replays), ${seconds} s`);
  const endAt = performance.now() + seconds * 1000;
  const result = await chaos({
    plane,
    seed,
    connectionsPerRound: Number(values.connections),
    goesOn: (done) => done === 0 || performance.now() < endAt,
    onRound: (number, { problems, lost }) => {
      console.log(`round ${number}: ${problems.length} problems, ${lost} connections lost with their worker`);
    },
  });
  console.log(JSON.stringify(result, undefined, 1));
  if (result.problems.length > 0) process.exitCode = 1;
}
