import { strict as assert } from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { planes } from '../e2e/sluice-process.ts';
import type { FewPortsFindings } from './few-ports-plane.ts';

const script = fileURLToPath(new URL('few-ports-plane.ts', import.meta.url));
/** A network of its own with ten ephemeral ports, of which two are listened on. */
const inFewPorts = [
  'unshare',
  '--user',
  '--map-root-user',
  '--net',
  'sh',
  '-c',
  'ip link set lo up && echo 40000 40009 > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"',
  'sh',
] as const;
const [command, ...args] = inFewPorts;
const isPermitted = spawnSync(command, [...args, 'true']).status === 0;
const skip = !isPermitted && 'no network namespace can be made here';

for (const plane of planes) {
  describe(`without an ephemeral port left, the ${plane} data plane`, () => {
    test('fails the dial, does not spin, and serves with the next port', {
      skip,
      timeout: 60_000,
    }, async () => {
      const child = spawn(command, [...args, process.execPath, '--import', 'tsx', script, plane], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      const [findings]: FewPortsFindings[] = await once(child, 'message');
      assert.ok(findings);
      assert.equal(findings.failure, 'EADDRNOTAVAIL');
      assert.ok(findings.served >= 1, `${findings.served} are served before`);
      assert.ok(findings.servedAfter);
      assert.ok(findings.processorMs < 200, `${findings.processorMs} ms of processor time`);
    });
  });
}
