import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { refusingEndpoint } from './bound-socket.ts';
import { FewDescriptors } from './few-descriptors.ts';
import { openDescriptors } from './open-descriptors.ts';
import { Peer } from './peer.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { dialTo } from './scripted-policy.ts';
import { turns, until } from './wait.ts';

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
      ['aborted while a half-close is passed on', abortHalfClosed],
      ['refused by the endpoint', refuse],
      ['ended before the hello', async (rig) => (await rig.connect()).end()],
    ];
    for (const [name, end] of ways) {
      fact(makePlane, `are as many after connections ${name} as before`, async (rig) => {
        const before = openDescriptors();
        await Promise.all(Array.from({ length: 20 }, () => end(rig)));
        for (let ended = 0; ended < 20; ended++) await rig.policy.endings.next();
        rig.closeClients();
        rig.upstream.closePeers();
        await until(() => openDescriptors() <= before, `${openDescriptors()} descriptors become ${before}`);
      });
    }
  });
}

/** INTERFACE 2, limits: what a proxy does whose descriptors are used up. */
export function fewDescriptorFacts(makePlane: MakePlane): void {
  describe('without a descriptor left', () => {
    fact(
      makePlane,
      'a dial fails with EMFILE, nothing spins, and service returns',
      async (rig) => {
        const [plane, { port }] = await FewDescriptors.start(rig.plane.kind, rig.endpoint.port);
        const clients: Peer[] = [];
        try {
          const first = await Peer.connect(port);
          clients.push(first);
          while (!(await plane.state()).isFull) clients.push(await Peer.connect(port));
          for (let more = 0; more < 20; more++) clients.push(await Peer.connect(port));

          await first.send(hello);
          assert.deepEqual(await first.receiveAll(), Buffer.from([0x15, 3, 3, 0, 2, 2, 80]));
          const before = await plane.state();
          assert.deepEqual(before.dialFailures, ['EMFILE']);
          await delay(500);
          const after = await plane.state();
          assert.ok(after.processorMs - before.processorMs < 200, 'the process spins');

          for (const client of clients) client.close();
          let connectionCount = 1;
          while (connectionCount > 0) ({ connectionCount } = await plane.state());
          const served = await Peer.connect(port);
          clients.push(served);
          await served.send(hello);
          await (await rig.upstream.next()).receive(hello.length);
        } finally {
          for (const client of clients) client.close();
          await plane.stop();
        }
      },
      { skip: process.platform === 'win32' && 'there is no ulimit on this platform' },
    );
  });
}

async function connectInTurn(rig: Rig, count: number): Promise<void> {
  for (let done = 0; done < count; done++) {
    const client = await rig.connect();
    client.socket.end(hello);
    assert.equal((await client.receiveAll()).toString(), 'answer');
  }
}

let turnsBeforeAbort = 0;

/** Each one a turn later than the one before, so that some hit the moment of the FIN. */
async function abortHalfClosed(rig: Rig): Promise<void> {
  const { client, connection } = await rig.forward();
  client.end();
  await turns(turnsBeforeAbort++ % 6);
  rig.plane.abort(connection, 'drained');
}

async function refuse(rig: Rig): Promise<void> {
  rig.policy.onHello = () => dialTo(refusingEndpoint());
  const client = await rig.connect();
  client.socket.end(hello);
}
