import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planes } from '../e2e/sluice-process.ts';
import { carryOut } from './carry-out.ts';
import { clientFaults } from './client-faults.ts';
import { upstreamFaults } from './upstream-faults.ts';

/** A hundredth of what `npm run test:faults` does. */
const scale = 0.01;
/** Those that wait for a long timeout are left to it. */
const short = [...clientFaults.filter(({ settings }) => settings === undefined), ...upstreamFaults];

for (const plane of planes) {
  describe(`faults with the ${plane} data plane`, { concurrency: 3 }, () => {
    for (const fault of short) {
      test(`${fault.name}: ${fault.promise}`, async () => {
        const { times, othersLost } = await carryOut(fault, plane, scale);
        assert.ok(times > 0);
        assert.equal(othersLost, 0);
      });
    }
  });
}
