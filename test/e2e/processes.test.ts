import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { nodeOptions, variables } from '../../src/data-plane/process-tuning.ts';
import { runCommand } from './command.ts';
import { EchoBackend, EchoClient } from './echo.ts';
import { eventually, isRunning, planes, SluiceProcess, sluiceArguments } from './sluice-process.ts';

let backend: EchoBackend;

before(async () => {
  backend = await EchoBackend.start();
});
after(() => backend.close());

for (const plane of planes) {
  describe(`processes with the ${plane} data plane`, () => {
    /** Runs `use` on a proxy in front of the echo backend, and leaves nothing of it behind. */
    const withSluice = async (config: object, use: (sluice: SluiceProcess) => Promise<void>) => {
      const sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'echo' }],
        upstreams: { echo: { endpoints: [backend.address] } },
        log: { access: 'off' },
        ...config,
      });
      try {
        await use(sluice);
      } finally {
        await sluice.end();
      }
    };

    test('a killed worker is replaced', () =>
      withSluice({}, async (sluice) => {
        const [victim = 0] = sluice.workerPids;
        process.kill(victim, 'SIGKILL');
        await sluice.logged('worker ready', 3);
        assert.ok(!sluice.workerPids.includes(victim));
        for (let turn = 0; turn < 20; turn++) await echoOnce(sluice.port);
      }));

    test(
      'workers are told what their collector and their allocator should know of the plane',
      { skip: process.platform === 'linux' ? false : 'reads /proc' },
      () =>
        withSluice({}, async (sluice) => {
          for (const pid of sluice.workerPids) {
            const options = linesOf(`/proc/${pid}/cmdline`).slice(1, -2);
            assert.deepEqual(options, [...nodeOptions(plane), ...sluiceArguments.slice(0, -1)]);
            const trim = linesOf(`/proc/${pid}/environ`).filter((line) => line.startsWith('MALLOC_TRIM'));
            const expected = Object.entries(variables(plane)).map(([name, value]) => `${name}=${value}`);
            assert.deepEqual(trim, expected);
          }
        }),
    );

    test('a signal for the supervisor that reaches the workers, too, changes nothing for them', () =>
      withSluice({}, async (sluice) => {
        const before = sluice.workerPids;
        for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGINT'] as const) {
          for (const pid of before) process.kill(pid, signal);
        }
        // On as many connections as it takes to have heard of every worker: the signals have been delivered by then.
        for (let turn = 0; turn < 20; turn++) await echoOnce(sluice.port);
        assert.ok(before.every(isRunning));
        assert.deepEqual(
          sluice.stderr.filter((line) => line.includes('Debugger')),
          [],
        );
      }));

    test('the port refuses nobody while a worker is replaced', () =>
      withSluice({}, async (sluice) => {
        const [victim = 0] = sluice.workerPids;
        process.kill(victim, 'SIGKILL');
        const ready = sluice.logged('worker ready', 3).then(() => true);
        // Whoever the dead worker had accepted may be reset; nobody is refused.
        const ends: string[] = [];
        while (!(await Promise.race([ready, echoEnd(sluice.port).then((end) => void ends.push(end))])));
        assert.deepEqual(
          ends.filter((end) => end !== 'echoed' && end !== 'ECONNRESET'),
          [],
        );
      }));

    test('what waits to be accepted outlives a worker that dies', () =>
      withSluice({ workers: 1 }, async (sluice) => {
        const [victim = 0] = sluice.workerPids;
        process.kill(victim, 'SIGSTOP');
        const client = new EchoClient(sluice.port);
        const echoed = client.echo('waited');
        process.kill(victim, 'SIGKILL');
        assert.equal(await echoed, 'waited');
        client.destroy();
      }));

    test('a worker that gets a SIGTERM of its own drains and is replaced', () =>
      withSluice({ workers: 1 }, async (sluice) => {
        const live = new EchoClient(sluice.port);
        await live.echo('accepted');
        const [leaving = 0] = sluice.workerPids;
        process.kill(leaving, 'SIGTERM');
        await sluice.logged('worker ready', 2);
        await echoOnce(sluice.port);
        assert.equal(await live.echo('still here'), 'still here');
        live.end();
        await eventually('the drained worker ends', () => !isRunning(leaving));
      }));

    test('the workers drain and go when the primary is killed', () =>
      withSluice({}, async (sluice) => {
        const live = new EchoClient(sluice.port);
        await live.echo('accepted');
        const { workerPids, port } = sluice;
        sluice.kill('SIGKILL');
        await eventually('the port is free', async () => (await echoEnd(port)) === 'ECONNREFUSED');
        assert.equal(await live.echo('still here'), 'still here');
        live.end();
        await eventually('the workers are gone', () => !workerPids.some(isRunning));
      }));

    test('who waits to be accepted when the primary is killed is served', () =>
      withSluice({ workers: 1 }, async (sluice) => {
        const [worker = 0] = sluice.workerPids;
        process.kill(worker, 'SIGSTOP');
        const waiting = await Promise.all(Array.from({ length: 400 }, () => EchoClient.connect(sluice.port)));
        const echoes = waiting.map((client) => client.echo('waited'));
        sluice.kill('SIGKILL');
        await sluice.gone;
        process.kill(worker, 'SIGCONT');
        for (const echoed of await Promise.all(echoes)) assert.equal(echoed, 'waited');
        for (const client of waiting) client.end();
        await eventually('the worker is gone', () => !isRunning(worker));
      }));

    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      test(`${signal} refuses new connections, lets live ones end, and exits 0`, () =>
        withSluice({}, async (sluice) => {
          const live = new EchoClient(sluice.port);
          await live.echo('accepted');
          sluice.kill(signal);
          await eventually('the port is free', async () => (await echoEnd(sluice.port)) === 'ECONNREFUSED');
          assert.equal(await live.echo('still here'), 'still here');
          live.end();
          assert.equal(await live.ended, 'end');
          assert.deepEqual(await sluice.exited, { code: 0, signal: null });
          assert.ok(!sluice.workerPids.some(isRunning));
        }));
    }

    test('SIGTERM to every process, as service managers send it, starts none anew', () =>
      withSluice({}, async (sluice) => {
        const live = new EchoClient(sluice.port);
        await live.echo('accepted');
        sluice.kill('SIGTERM');
        await sluice.logged('draining; a second signal ends at once');
        for (const pid of sluice.workerPids) process.kill(pid, 'SIGTERM');
        assert.equal(await live.echo('still here'), 'still here');
        live.end();
        assert.deepEqual(await sluice.exited, { code: 0, signal: null });
        assert.equal(sluice.log.filter(({ msg }) => msg === 'worker ready').length, 2);
      }));

    test('who waits to be accepted when SIGTERM comes is served', () =>
      withSluice({ workers: 1 }, async (sluice) => {
        const [worker = 0] = sluice.workerPids;
        process.kill(worker, 'SIGSTOP');
        const waiting = await Promise.all(Array.from({ length: 200 }, () => EchoClient.connect(sluice.port)));
        const echoes = waiting.map((client) => client.echo('waited'));
        sluice.kill('SIGTERM');
        await sluice.logged('draining; a second signal ends at once');
        process.kill(worker, 'SIGCONT');
        for (const echoed of await Promise.all(echoes)) assert.equal(echoed, 'waited');
        for (const client of waiting) client.end();
        assert.deepEqual(await sluice.exited, { code: 0, signal: null });
      }));

    test('SIGTERM under a closed loop of new connections resets nobody', () =>
      withSluice({}, async (sluice) => {
        const ends: string[] = [];
        const callers = Array.from({ length: 8 }, async () => {
          for (let end = 'echoed'; end === 'echoed'; ends.push(end)) end = await echoEnd(sluice.port);
        });
        await eventually('the loop turns', () => ends.length > 100);
        sluice.kill('SIGTERM');
        await Promise.all(callers);
        assert.deepEqual(
          ends.filter((end) => end !== 'echoed' && end !== 'ECONNREFUSED'),
          [],
        );
        assert.deepEqual(await sluice.exited, { code: 0, signal: null });
      }));

    test('live connections are reset when the time to drain is up', () =>
      withSluice({ timeouts: { drain: '200ms' } }, async (sluice) => {
        const live = new EchoClient(sluice.port);
        await live.echo('accepted');
        sluice.kill('SIGTERM');
        assert.equal(await live.ended, 'ECONNRESET');
        assert.deepEqual(await sluice.exited, { code: 0, signal: null });
      }));

    test('a second signal ends at once', () =>
      withSluice({ timeouts: { drain: '1h' } }, async (sluice) => {
        const live = new EchoClient(sluice.port);
        await live.echo('accepted');
        sluice.kill('SIGTERM');
        await sluice.logged('draining; a second signal ends at once');
        sluice.kill('SIGTERM');
        assert.equal(await live.ended, 'ECONNRESET');
        assert.deepEqual(await sluice.exited, { code: 1, signal: null });
        assert.ok(!sluice.workerPids.some(isRunning));
      }));

    test('SIGHUP ends nothing', () =>
      withSluice({}, async (sluice) => {
        sluice.kill('SIGHUP');
        await echoOnce(sluice.port);
      }));

    test('serves every address of both families with :PORT', () =>
      withSluice({ listeners: [{ name: 'edge', address: ':0' }] }, async (sluice) => {
        assert.match(sluice.serving.address ?? '', /^\[::\]:\d+$|^0\.0\.0\.0:\d+$/);
        await echoOnce(sluice.port);
      }));

    test(
      'runs its workers as the user it is told to',
      {
        skip: process.getuid?.() === 0 ? false : 'only root can change to another user',
      },
      () =>
        withSluice({ user: 'nobody' }, async (sluice) => {
          for (const pid of sluice.workerPids) {
            const status = readFileSync(`/proc/${pid}/status`, 'utf8');
            const [, uids, gids] = /^Uid:\t(.*)\nGid:\t(.*)$/m.exec(status) ?? [];
            const { uid, gid } = nobody();
            assert.equal(uids, Array(4).fill(uid).join('\t'));
            assert.equal(gids, Array(4).fill(gid).join('\t'));
            assert.match(status, new RegExp(`^Groups:\t${gid} ?$`, 'm'));
          }
          await echoOnce(sluice.port);
        }),
    );
  });
}

describe('a worker that is stuck', { concurrency: true }, () => {
  for (const plane of planes) {
    test(`is killed and replaced (${plane})`, async () => {
      const sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'echo' }],
        upstreams: { echo: { endpoints: [backend.address] } },
      });
      try {
        const [stuck = 0, other = 0] = sluice.workerPids;
        process.kill(stuck, 'SIGSTOP');
        await sluice.logged('worker ready', 3);
        const death = await sluice.found('its death', ({ msg }) => msg === 'worker died and is replaced');
        assert.deepEqual([death.workerPid, death.how], [stuck, 'SIGKILL: no sign of life']);
        assert.ok(!isRunning(stuck));
        assert.ok(sluice.workerPids.includes(other));
        for (let turn = 0; turn < 20; turn++) await echoOnce(sluice.port);
      } finally {
        await sluice.end();
      }
    });
  }
});

describe('workers that keep dying', () => {
  const config = {
    workers: 1,
    listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
    routes: [{ upstream: 'echo' }],
    upstreams: { echo: { endpoints: ['127.0.0.1:1'] } },
  };

  test('are replaced after a while that grows', async () => {
    const sluice = await SluiceProcess.serve(config);
    try {
      for (let death = 1; death <= 4; death++) {
        for (const pid of sluice.workerPids) process.kill(pid, 'SIGKILL');
        await sluice.logged('worker ready', death + 1);
      }
      const delays = sluice.log.flatMap(({ restartInMs }) => restartInMs ?? []);
      assert.deepEqual(delays, [0, 100, 200, 400]);
    } finally {
      await sluice.end();
    }
  });

  /** As `sluiceArguments`, with workers that die where this holds. */
  const dyingWhere = (condition: string) => {
    const dies = `import cluster from 'node:cluster'; if (cluster.isWorker && ${condition}) process.exit(7);`;
    return ['--import', `data:text/javascript,${encodeURIComponent(dies)}`, ...sluiceArguments];
  };

  test('are tried again while another serves, and one line tells what to do', async () => {
    const sluice = await SluiceProcess.serve(
      { ...config, workers: 2 },
      dyingWhere('cluster.worker.id !== 2'),
    );
    try {
      const loop = await sluice.found('the loop', ({ deaths }) => deaths === 4);
      assert.equal(loop.msg, 'worker dies again and again soon after its start');
      assert.deepEqual([loop.worker, loop.how], [0, 'exit code 7']);
      assert.equal(loop.advice, 'what it wrote to stderr tells why');
    } finally {
      await sluice.end();
    }
  });

  for (const dataPlane of planes) {
    test(`leave nobody waiting at their sockets meanwhile (${dataPlane})`, { timeout: 120_000 }, async () => {
      const sluice = await SluiceProcess.serve(
        { ...config, dataPlane, workers: 2, upstreams: { echo: { endpoints: [backend.address] } } },
        dyingWhere('cluster.worker.id !== 2'),
      );
      try {
        const away = await sluice.found('a long absence', ({ restartInMs = 0 }) => restartInMs > 1_000);
        assert.equal(away.worker, 0);
        // Half of them, nearly, at the socket of the worker that is missing.
        await Promise.all(Array.from({ length: 40 }, () => echoOnce(sluice.port)));
      } finally {
        await sluice.end();
      }
    });
  }

  test('are given up where they never were ready', async () => {
    const dying = dyingWhere('true');
    const input = JSON.stringify({ admin: { address: false }, ...config, workers: 2 });
    const { code, stderr } = await runCommand(process.execPath, [...dying, 'run', '-c', '-'], { input });
    assert.match(
      stderr,
      /^sluice: worker \d died 3 times before it was ready \(exit code 7\): what it wrote/m,
    );
    assert.equal(code, 1);
  });
});

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\0');
}

async function echoOnce(port: number): Promise<void> {
  assert.equal(await echoEnd(port), 'echoed');
}

/** `echoed`, or how the connection ended instead. */
async function echoEnd(port: number): Promise<string> {
  const client = new EchoClient(port);
  const echoed = client.echo('hello').then(
    () => 'echoed',
    () => client.ended,
  );
  const end = await echoed;
  client.destroy();
  return end;
}

function nobody(): { uid: string; gid: string } {
  const [, uid = '', gid = ''] = /^nobody:[^:]*:(\d+):(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return { uid, gid };
}
