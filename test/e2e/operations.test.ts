import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { EchoBackend } from './echo.ts';
import { sum } from './operations-accounts.ts';
import { Stage } from './operations-stage.ts';
import { planes } from './sluice-process.ts';

/** SLUICE_LONG_TESTS=1 does what an installation sees in months. */
const { reloads, restarts, kills, callers, streams } =
  process.env['SLUICE_LONG_TESTS'] === '1'
    ? { reloads: 50, restarts: 3, kills: 10, callers: 8, streams: 40 }
    : { reloads: 3, restarts: 1, kills: 2, callers: 3, streams: 6 };

let backend: EchoBackend;
before(async () => {
  backend = await EchoBackend.start();
});
after(() => backend.close());

const skip = process.platform === 'linux' ? false : '/proc tells which worker owns a connection';

for (const plane of planes) {
  describe(`under a load of new connections and streams, with the ${plane} data plane`, { skip }, () => {
    let stage: Stage;
    before(async () => {
      stage = await Stage.open({ plane, endpoint: backend.address, callers, streams });
    });
    after(() => stage.close());

    test('reloads and restarts of workers fail no connection, and each is counted and logged to the byte', async (t) => {
      await stage.underLoad(async () => {
        for (let turn = 1; turn <= reloads; turn++) await stage.reload(turn);
        for (let turn = 0; turn < restarts; turn++) await stage.restartWorkers();
      });
      await stage.assertLogged();
      assert.deepEqual(await stage.counted(), { ...stage.made, restarts: 0 });
      t.diagnostic(
        `${reloads} reloads, ${restarts} restarts: ${stage.visits.length} connections, none failed`,
      );
    });

    test('killed workers take along what they own, and nothing else', async (t) => {
      const before = stage.visits.length;
      await stage.underLoad(async (load) => {
        for (let turn = 0; turn < kills; turn++) await stage.kill(load, turn);
      });
      await stage.assertLogged();
      const { made, excused, failures } = stage;
      const { connections, restarts: replaced } = await stage.counted();
      assert.equal(replaced, kills);
      const uncounted = made.connections - connections;
      assert.ok(uncounted >= 0 && uncounted <= excused, `${uncounted} of ${excused}`);
      const count = stage.visits.length - before;
      t.diagnostic(`${kills} kills: ${count} connections, ${failures} failed, ${uncounted} not counted`);
    });

    test('an upgrade fails no connection, and each is in the accounts of one of the processes', async (t) => {
      const before = stage.visits.length;
      const { failures } = stage;
      await stage.underLoad(() => stage.upgrade());
      const { counted, lines } = await stage.successor();
      await stage.assertLogged();
      assert.equal(stage.failures, failures);
      assert.deepEqual(counted, {
        connections: lines.length,
        up: sum(lines.map(({ bytesUp }) => bytesUp)),
        down: sum(lines.map(({ bytesDown }) => bytesDown)),
        restarts: 0,
      });
      const count = stage.visits.length - before;
      t.diagnostic(`1 upgrade: ${count} connections, ${lines.length} by the new process, none failed`);
    });
  });
}
