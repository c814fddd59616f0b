import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { runCommand } from '../e2e/command.ts';
import { planes } from '../e2e/sluice-process.ts';
import { vanishingUpstream } from './vanishing-upstream.ts';

/** In namespaces where whoever runs this is root: a link there concerns nobody else. */
const inNamespaces = (command: string) => ['-Urnm', 'sh', '-c', `mount -t tmpfs none /run && ${command}`];
const probe = spawnSync('unshare', inNamespaces('ip netns add probe && ip link set lo up'), {
  encoding: 'utf8',
});
const skip =
  probe.status !== 0 && `no network namespace can be made here: ${probe.error ?? probe.stderr.trim()}`;
/** Of what `npm run test:faults` does. */
const scale = 0.02;

for (const plane of planes) {
  test(`with the ${plane} data plane, an upstream that vanishes costs its own connections and no others`, {
    skip,
  }, async () => {
    const suite = `exec '${process.execPath}' --import tsx test/faults/run.ts`;
    const flags = `--plane ${plane} --only vanish --scale ${scale}`;
    const { code, stdout, stderr } = await runCommand(
      'unshare',
      inNamespaces(`ip link set lo up && ${suite} ${flags}`),
    );
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.doesNotMatch(stdout, /NOT RUN/);
    assert.equal(stdout.match(/^{/gm)?.length, vanishingUpstream.length, stdout);
  });
}
