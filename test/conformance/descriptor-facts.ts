import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { describe } from 'node:test';
import { refusingEndpoint } from './bound-socket.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { dialTo } from './scripted-policy.ts';
import { until } from './wait.ts';

const connectionCount = 10_000;
const atOnce = 50;

/** Nothing is left behind by connections that have ended, however they did. */
export function descriptorFacts(makePlane: MakePlane): void {
  describe('descriptors', () => {
    fact(
      makePlane,
      `are as many after ${connectionCount} connections as before`,
      async (rig) => {
        rig.upstream.onConnection = (peer) => {
          peer.socket.once('data', () => peer.socket.end('answer'));
        };
        await Promise.all(Array.from({ length: atOnce }, () => connectInTurn(rig, 1)));
        const before = openDescriptors();
        await Promise.all(Array.from({ length: atOnce }, () => connectInTurn(rig, connectionCount / atOnce)));
        await until(() => rig.plane.connectionCount === 0, 'every connection ends');
        assert.equal(rig.policy.endings.count, atOnce + connectionCount);
        await until(() => openDescriptors() <= before, `${openDescriptors()} descriptors become ${before}`);
      },
      { timeoutMs: 60_000 },
    );

    const ways: readonly [string, (rig: Rig) => Promise<void>][] = [
      ['reset by the client', async (rig) => (await rig.forward()).client.reset()],
      ['reset by the upstream', async (rig) => (await rig.forward()).upstream.reset()],
      ['aborted', async (rig) => rig.plane.abort((await rig.forward()).connection, 'drained')],
      ['refused by the endpoint', refuse],
      ['ended before the hello', async (rig) => (await rig.connect()).end()],
    ];
    for (const [name, end] of ways) {
      fact(makePlane, `are as many after connections ${name} as before`, async (rig) => {
        const before = openDescriptors();
        await Promise.all(Array.from({ length: 20 }, () => end(rig)));
        for (let ended = 0; ended < 20; ended++) await rig.policy.endings.next();
        rig.closeClients();
        await until(() => openDescriptors() <= before, `${openDescriptors()} descriptors become ${before}`);
      });
    }
  });
}

async function connectInTurn(rig: Rig, count: number): Promise<void> {
  for (let done = 0; done < count; done++) {
    const client = await rig.connect();
    client.socket.end(hello);
    assert.equal((await client.receiveAll()).toString(), 'answer');
  }
}

async function refuse(rig: Rig): Promise<void> {
  rig.policy.onHello = () => dialTo(refusingEndpoint());
  const client = await rig.connect();
  client.socket.end(hello);
}

/** Of this process, the test's own included. Known on Linux; elsewhere nothing is compared. */
function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
