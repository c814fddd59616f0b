// Every fault, against both data planes; ends with 1 where the proxy did not keep a promise.
// usage: npm run test:faults -- [--scale 1] [--plane native|portable] [--only PART] [--record]
import { parseArgs } from 'node:util';
import { planes } from '../e2e/sluice-process.ts';
import { carryOut } from './carry-out.ts';
import { clientFaults } from './client-faults.ts';
import { NotPermitted } from './fault.ts';
import type { FaultFigures } from './figures.ts';
import { record } from './record.ts';
import { upstreamFaults } from './upstream-faults.ts';
import { vanishingUpstream } from './vanishing-upstream.ts';

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    plane: { type: 'string' },
    only: { type: 'string', default: '' },
    record: { type: 'boolean', default: false },
  },
});
const figures: FaultFigures[] = [];
const wanted = [...clientFaults, ...upstreamFaults, ...vanishingUpstream].filter(({ name }) =>
  name.includes(values.only),
);

for (const plane of planes.filter((each) => values.plane === undefined || values.plane === each)) {
  for (const fault of wanted) {
    try {
      const done = await carryOut(fault, plane, Number(values.scale));
      figures.push(done);
      console.log(JSON.stringify(done));
    } catch (error) {
      const isSkipped = error instanceof NotPermitted;
      console.log(`${plane}: ${fault.name}: ${isSkipped ? 'NOT RUN' : 'FAILED'}: ${error}`);
      if (!isSkipped) process.exitCode = 1;
    }
  }
}
if (values.record) record(figures);
