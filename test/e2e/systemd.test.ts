import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { loadAddon } from '../../src/data-plane/load-plane.ts';
import { type BindAddress, BoundSocket } from '../../src/supervisor/bound-socket.ts';
import { Caller, call, inParallel } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { NotifyReceiver } from './notify-receiver.ts';
import { ProgramCopy } from './program-copy.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const loaded = loadAddon();
const isLinux = process.platform === 'linux';
if (isLinux && !loaded.ok) throw new Error(`the addon does not load: ${loaded.reason}`);
const skip = isLinux ? false : 'systemd is for Linux';

let backend: NamedBackend;
before(async () => {
  backend = await NamedBackend.start('red');
});
after(() => backend.close());

const config = (more: object = {}) => ({
  workers: 2,
  listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
  routes: [{ upstream: 'red' }],
  upstreams: { red: { endpoints: [backend.address] } },
  log: { access: 'off' },
  ...more,
});

/** `sluice run` with listeners at these ports, without a file. */
const run = (ports: readonly number[], ...more: readonly string[]) => [
  'run',
  ...ports.flatMap((port) => ['--listen', `127.0.0.1:${port}`]),
  ...['--route', `*=${backend.address}`, '--workers', '2', '--admin', 'off', ...more],
];

/** A socket that listens, as systemd holds it: nobody accepts from it here. */
function heldSocket(): BoundSocket {
  if (!loaded.ok) throw new Error(loaded.reason);
  const at: BindAddress = { address: '127.0.0.1', port: 0, family: 4 };
  const how = { backlog: 128, ipv6Only: false, sharesPort: false, joins: false };
  return BoundSocket.adopt(loaded.addon.openListeningSocket({ ...at, ...how }), at);
}

async function withHeldSocket(use: (held: BoundSocket) => Promise<void>): Promise<void> {
  const held = heldSocket();
  try {
    await use(held);
  } finally {
    held.close();
  }
}

describe('sockets that systemd hands over', { skip }, () => {
  for (const plane of planes) {
    test(`serve those who came before the ${plane} proxy, and those who come between two of them`, () =>
      withHeldSocket(async ({ fd, address: { port } }) => {
        for (const turn of [1, 2]) {
          const early = new Caller(port);
          const answer = early.ask();
          const sluice = SluiceProcess.activated(run([port], '--data-plane', plane), [fd], []);
          try {
            assert.equal(await answer, 'red', `turn ${turn}`);
            await sluice.logged('serving');
            assert.equal(sluice.port, port);
            const answers = await inParallel(20, 4, () => call(port));
            assert.ok(answers.every((each) => each === 'red'));
            await early.hangUp();
            sluice.kill('SIGTERM');
            assert.deepEqual(await sluice.exited, { code: 0, signal: null });
          } finally {
            await sluice.end();
          }
        }
      }));
  }

  test('go through upgrades, and are still held then', () =>
    withHeldSocket(async ({ fd, address: { port } }) => {
      const sluice = SluiceProcess.activated(run([port]), [fd], []);
      try {
        await sluice.logged('serving');
        const stream = new Caller(port);
        assert.equal(await stream.ask(), 'red');
        sluice.kill('SIGUSR2');
        const { successor = 0 } = await sluice.found(
          'the new process',
          (line) => line.successor !== undefined,
        );
        assert.equal(await stream.ask(), 'red');
        await stream.hangUp();
        await sluice.gone;
        const answers = await inParallel(20, 4, () => call(port));
        assert.ok(answers.every((each) => each === 'red'));
        process.kill(successor, 'SIGTERM');
        await sluice.exited;
      } finally {
        await sluice.end();
      }
      const late = connect(port, '127.0.0.1');
      await once(late, 'connect');
      late.destroy();
    }));

  test('belong to the listener of their name', () =>
    withHeldSocket(async ({ fd, address: { port } }) => {
      const listeners = ['other', 'edge'].map((name) => ({ name, address: '127.0.0.1:0' }));
      const input = JSON.stringify(config({ listeners, admin: { address: false } }));
      const sluice = SluiceProcess.activated(['run', '-c', '-'], [fd], ['edge'], input);
      try {
        await sluice.logged('serving', 2);
        const edge = sluice.log.find(({ msg, listener }) => msg === 'serving' && listener === 'edge');
        assert.equal(edge?.address, `127.0.0.1:${port}`);
        assert.equal(await call(port), 'red');
      } finally {
        await sluice.end();
      }
    }));

  test('belong to the listener at their address, where their name is nobody’s', () =>
    withHeldSocket(async ({ fd, address: { port } }) => {
      const sluice = SluiceProcess.activated(run([0, port]), [fd], ['sluice.socket']);
      try {
        await sluice.logged('serving', 2);
        assert.equal(await call(port), 'red');
      } finally {
        await sluice.end();
      }
    }));

  test('are refused where they are nobody’s, no listening socket, or no TCP', () =>
    withHeldSocket(async ({ fd, address: { port } }) => {
      const connection = connect(port, '127.0.0.1');
      connection.on('error', () => {});
      await once(connection, 'connect');
      const connected = Reflect.get(Reflect.get(connection, '_handle') as object, 'fd') as number;
      const sluice = SluiceProcess.activated(run([0]), [fd, connected, 1], ['sluice.socket']);
      const { code } = await sluice.exited;
      connection.destroy();
      assert.equal(code, 1);
      const [nobodys = '', connecteds = '', noSocket = '', ...more] = sluice.stderr;
      assert.match(
        nobodys,
        /^sluice: socket 3 of LISTEN_FDS \("sluice\.socket"\): no free listener has its name/,
      );
      assert.match(connecteds, /^sluice: socket 4 of LISTEN_FDS \(""\): it does not listen; allowed is/);
      assert.match(noSocket, /^sluice: socket 5 of LISTEN_FDS \(""\): it is no TCP socket; allowed is/);
      assert.deepEqual(more, []);
    }));
});

describe('what systemd is told', { skip }, () => {
  const withReceiver = async (
    kind: 'path' | 'abstract',
    use: (receiver: NotifyReceiver) => Promise<void>,
  ): Promise<void> => {
    const receiver = await NotifyReceiver.start(kind);
    try {
      await use(receiver);
    } finally {
      await receiver.close();
    }
  };

  test('is readiness, status, signs of life, reloads and the end', () =>
    withReceiver('path', async (receiver) => {
      const env = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: '200000' };
      const proxy = await ReloadableProxy.begin(config(), [], undefined, { env });
      try {
        const ready = await receiver.received(/^READY=1$/);
        assert.equal(ready, 0, receiver.messages.join(' '));
        await receiver.received(/^STATUS=serving, 0 connections$/);
        const first = await receiver.received(/^WATCHDOG=1$/);
        await receiver.received(/^WATCHDOG=1$/, first + 1);
        proxy.sluice.kill('SIGHUP');
        const reloading = await receiver.received(/^RELOADING=1\|MONOTONIC_USEC=\d+$/);
        await receiver.received(/^READY=1$/, reloading);
        const stream = new Caller(proxy.sluice.port);
        assert.equal(await stream.ask(), 'red');
        proxy.sluice.kill('SIGTERM');
        const stopping = await receiver.received(/^STOPPING=1$/);
        await receiver.received(/^STATUS=draining, 1 connections$/, stopping);
        await stream.hangUp();
        assert.deepEqual(await proxy.sluice.exited, { code: 0, signal: null });
      } finally {
        await proxy.end();
      }
    }));

  test('is the main process of an upgrade, and then what that one says', () =>
    withReceiver('abstract', async (receiver) => {
      const env = { NOTIFY_SOCKET: receiver.address };
      const proxy = await ReloadableProxy.begin(config(), [], undefined, { env });
      try {
        await receiver.received(/^READY=1$/);
        const { pid } = JSON.parse(await proxy.ask('POST', '/upgrade'));
        const main = await receiver.received(new RegExp(`^MAINPID=${pid}$`));
        assert.deepEqual(await proxy.sluice.gone, { code: 0, signal: null });
        await receiver.received(/^READY=1$/, main);
        assert.ok(!receiver.messages.includes('STOPPING=1'), receiver.messages.join(' '));
        process.kill(pid, 'SIGTERM');
        await receiver.received(/^STOPPING=1$/, main);
        assert.deepEqual(await proxy.sluice.exited, { code: 0, signal: null });
      } finally {
        await proxy.end();
      }
    }));

  test('is nothing without the addon, and the log says so once', async () => {
    const copy = await ProgramCopy.make({ addon: false });
    const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '200000' };
    const proxy = await ReloadableProxy.begin(config(), [], copy.main, { env });
    try {
      await proxy.sluice.logged('serving');
      assert.deepEqual(await proxy.post(), []);
      const said = proxy.sluice.log.filter(({ msg }) => /service manager/.test(msg));
      assert.deepEqual(
        said.map(({ level, msg }) => [level, msg]),
        [['warn', 'the service manager cannot be told anything without the addon']],
      );
    } finally {
      await proxy.end();
      await copy.remove();
    }
  });
});
