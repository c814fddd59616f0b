// A process with nothing in its loop but engines, once the parent's channel is no longer held: does one thing, named
// on the command line, and says how it went on standard output.
import { connect } from 'node:net';
import type { Policy } from '../../src/data-plane/data-plane.ts';
import { loadAddon } from '../../src/data-plane/load-plane.ts';
import { NativePlane } from '../../src/data-plane/native-plane.ts';
import { bindLoopback } from '../conformance/bound-socket.ts';

const [, , task, otherPort] = process.argv;
const loaded = loadAddon();
if (!loaded.ok) throw new Error(loaded.reason);
const { addon } = loaded;
const ports: number[] = [];

function openPlane(hello: () => void): NativePlane {
  const policy: Policy = {
    accepted: () => 'hello',
    hello: () => {
      hello();
      return { kind: 'reject', how: 'close', outcome: 'rejected' };
    },
    dialFailed: () => ({ kind: 'reject', how: 'close', outcome: 'upstream_unreachable' }),
    ended: () => {},
  };
  const plane = new NativePlane({ policy, addon });
  const { handle, port } = bindLoopback();
  plane.listen({ name: 'edge', helloTimeoutMs: 60_000, maxHelloBytes: 65_536, asksOnAccept: false }, handle);
  ports.push(port);
  return plane;
}

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** Processor time, in milliseconds, while the loop has nothing to do but wait for `waitMs`. */
async function idleCpuMs(waitMs: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

switch (task) {
  // What the loop is given to watch by a hook, it watches at once.
  case 'connects in a hook': {
    const plane = openPlane(() => {
      const socket = connect(Number(otherPort), '127.0.0.1');
      socket.once('data', (bytes) => {
        say(String(bytes));
        socket.destroy();
        void plane.close();
      });
    });
    break;
  }
  case 'has work of every kind from a hook': {
    const done: string[] = [];
    const plane = openPlane(() => {
      process.nextTick(() => done.push('tick'));
      void Promise.resolve().then(() => done.push('microtask'));
      setImmediate(() => {
        done.push('immediate');
        setTimeout(() => {
          done.push('timer');
          void import('node:fs/promises').then(async ({ stat }) => {
            await stat('.');
            say([...done, 'thread pool']);
            void plane.close();
          });
        }, 20);
      });
    });
    break;
  }
  case 'is idle': {
    const plane = openPlane(() => {});
    say(await idleCpuMs(500));
    await plane.close();
    break;
  }
  case 'has two planes': {
    const first = openPlane(() => {
      say('first');
      void first.close();
    });
    const second = openPlane(() => {
      say('second');
      void second.close();
    });
    break;
  }
  case 'is idle with a second plane, then without the first': {
    const first = openPlane(() => {});
    const second = openPlane(() => {
      say('served');
      void second.close();
    });
    say(await idleCpuMs(500));
    await first.close();
    ports.shift();
    say(await idleCpuMs(500));
    break;
  }
  // The timer does not hold the loop: nothing does but the plane.
  case 'is held by its plane alone': {
    const plane = openPlane(() => {});
    const { user, system } = process.cpuUsage();
    setTimeout(() => {
      const now = process.cpuUsage();
      say((now.user - user + now.system - system) / 1000);
      void plane.close();
    }, 500).unref();
    break;
  }
}
process.send?.(ports);
process.channel?.unref();
