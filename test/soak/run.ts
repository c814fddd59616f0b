// The same mixed load for some minutes; ends with 1 where anything failed, or memory, descriptors, CPU or latency drifted.
// usage: npm run test:soak -- MINUTES [--plane native|portable] [--record FILE]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { plane: { type: 'string', default: 'native' }, record: { type: 'string' } },
});
const minutes = Number(positionals[0] ?? 30);
const mostDriftPercent = 5;

const result = await soak({
  plane: values.plane,
  minutes,
  onWindow: (window) => console.log(JSON.stringify(window)),
});
console.log(JSON.stringify(result, undefined, 1));
if (values.record !== undefined) writeFileSync(values.record, `${JSON.stringify(result, undefined, 1)}\n`);

const { pssKib, descriptors, cpuMsPerThousand, p99Ms, directP99Ms } = result.drift.percent;
// What connections without a proxy suffer too is the machine's.
const drifts = { pssKib, descriptors, cpuMsPerThousand, p99Ms: Math.min(p99Ms, p99Ms - directP99Ms) };
for (const [figure, percent] of Object.entries(drifts)) {
  if (percent <= mostDriftPercent) continue;
  console.log(`${figure} has grown by ${percent} %, more than ${mostDriftPercent} %`);
  process.exitCode = 1;
}
if (result.failures > 0) process.exitCode = 1;
