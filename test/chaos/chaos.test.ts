import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planes } from '../e2e/sluice-process.ts';
import { chaos } from './chaos.ts';

describe('chaos', { concurrency: true }, () => {
  for (const plane of planes) {
    test(`every connection is accounted for once with the ${plane} data plane`, async () => {
      const result = await chaos({
        plane,
        seed: 20_261_122,
        connectionsPerRound: 150,
        goesOn: (done) => done < 2,
      });
      assert.deepEqual(result.problems, []);
      // A round in which nothing went well would prove nothing.
      assert.ok((result.outcomes['ok'] ?? 0) > 30, JSON.stringify(result.outcomes));
    });
  }
});
