import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandResult, runSluice } from './run-command.ts';

const valid = `
listeners: [{ name: edge, address: "127.0.0.1:0" }]
routes:
  - { name: exact, serverNames: [www.shop.test], upstream: u }
  - { name: h2, serverNames: ["*.shop.test"], alpn: [h2], upstream: u }
  - { name: wide, serverNames: ["*.shop.test"], upstream: u }
upstreams: { u: { endpoints: ["127.0.0.1:9"] } }
`;

const mistyped = `workers: 0
dataPlane: nativ
listeners:
  - { name: edge, adress: "127.0.0.1:1" }
  - { name: side, address: "127.0.0.1:99999", maxHelloBytes: 64KB }
routes:
  - { serverNames: ["a.*.test"], upstream: u }
  - { serverNames: [b.test], upstream: nowhere }
  - { serverNames: [c.test], reject: no_such_alert }
upstreams:
  u: { endpoints: ["127.0.0.1"], connectTimeout: 3 }
timeouts: { idle: 1.5s }
log: { level: loud }
`;

function failsWith(result: CommandResult, code: number, error: RegExp) {
  assert.equal(result.code, code, result.stderr);
  assert.equal(result.stdout, '');
  assert.equal(result.errors.length, 1, result.stderr);
  assert.match(result.stderr, error);
}

test('the command line', { concurrency: 2 }, async (context) => {
  const commands = ['run', 'check', 'explain', 'status', 'reload', 'drain', 'demo', 'schema'];
  const documented = commands.map((command) =>
    context.test(`\`${command} --help\` explains itself and exits 0`, async () => {
      const { code, stdout, stderr } = await runSluice([command, '--help']);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^Usage: sluice ${command}\\b`));
    }),
  );
  await Promise.all([
    ...documented,

    context.test('wrong usage is one line on stderr and exit code 2', async () => {
      failsWith(await runSluice(['nonsense']), 2, /nonsense/);
      failsWith(await runSluice(['check']), 2, /--config/);
      failsWith(await runSluice(['check', '-c']), 2, /--config/);
      failsWith(await runSluice(['run', '--bogus']), 2, /--bogus/);
      failsWith(await runSluice(['run']), 2, /--listen/);
    }),

    context.test('a file that cannot be read is one line on stderr and exit code 1', async () => {
      failsWith(await runSluice(['check', '-c', '/no/such/file.yaml']), 1, /\/no\/such\/file\.yaml/);
      failsWith(await runSluice(['run', '-c', '/no/such/file.yaml']), 1, /\/no\/such\/file\.yaml/);
    }),

    context.test('`check -c -` reads YAML and JSON from standard input', async () => {
      const json = JSON.stringify({
        listeners: [{ name: 'edge', address: ':0' }],
        routes: [{ upstream: 'u' }],
        upstreams: { u: { endpoints: ['127.0.0.1:9'] } },
      });
      for (const input of [valid, json]) {
        const { code, stderr } = await runSluice(['check', '-c', '-'], input);
        assert.deepEqual([code, stderr], [0, '']);
      }
    }),

    context.test('`check` reports every problem at its line and column', async () => {
      const { code, errors } = await runSluice(['check', '-c', '-'], mistyped);
      assert.equal(code, 1);
      const places = errors.map((line) => /^<stdin>:(\d+:\d+): ([^ ]+): ./.exec(line)?.slice(1).join(' '));
      for (const place of [
        '1:10 workers',
        '2:12 dataPlane',
        '4:19 listeners[0].adress',
        '5:28 listeners[1].address',
        '5:62 listeners[1].maxHelloBytes',
        '7:21 routes[0].serverNames[0]',
        '8:40 routes[1].upstream',
        '9:38 routes[2].reject',
        '11:20 upstreams.u.endpoints[0]',
        '11:50 upstreams.u.connectTimeout',
        '12:19 timeouts.idle',
        '13:15 log.level',
      ])
        assert.ok(places.includes(place), `${place} is not among ${errors.join('\n')}`);
    }),

    context.test('two routes that no connection could tell apart are an error naming both', async () => {
      const pairs = [
        ['a.test', 'A.TEST.'],
        ['bücher.test', 'xn--bcher-kva.test'],
        ['*', '*'],
      ];
      const routes = pairs.flatMap((pair, at) =>
        pair.map((name, which) => ({ name: `route-${at}-${which}`, serverNames: [name], upstream: 'u' })),
      );
      const upstreams = { u: { endpoints: ['127.0.0.1:9'] } };
      const { code, errors } = await runSluice(
        ['check', '-c', '-'],
        JSON.stringify({ listeners: [{ name: 'edge', address: ':1' }], routes, upstreams }),
      );
      assert.equal(code, 1);
      assert.equal(errors.length, pairs.length);
      for (const [at, error] of errors.entries()) {
        assert.match(error, new RegExp(`^<stdin>:1:\\d+: .*route-${at}-0`));
        assert.match(error, new RegExp(`route-${at}-1`));
      }
    }),

    context.test('`explain` names the winning route first, then those it beat', async () => {
      const explain = (...args: string[]) => runSluice(['explain', '-c', '-', ...args], valid);
      const [exact, h2, none] = await Promise.all([
        explain('WWW.shop.test.'),
        explain('a.shop.test', '--alpn', 'h2,http/1.1', '--source', '192.0.2.1', '--listener', 'edge'),
        explain('other.test'),
      ]);
      assert.equal(exact.code, 0);
      assert.match(exact.stdout.split('\n')[0] ?? '', /\bexact\b/);
      assert.match(exact.stdout, /\bwide\b/);
      assert.match(h2.stdout.split('\n')[0] ?? '', /\bh2\b/);
      assert.match(none.stdout, /unrecognized_name/);
    }),

    context.test('`schema` prints a JSON Schema that knows every top-level key', async () => {
      const { code, stdout } = await runSluice(['schema']);
      assert.equal(code, 0);
      const schema: unknown = JSON.parse(stdout);
      assert.ok(typeof schema === 'object' && schema !== null && 'properties' in schema);
      const { properties } = schema;
      assert.ok(typeof properties === 'object' && properties !== null);
      for (const key of [
        'workers',
        'dataPlane',
        'listeners',
        'routes',
        'upstreams',
        'limits',
        'timeouts',
        'admin',
      ])
        assert.ok(key in properties, key);
    }),

    context.test('a command for a running proxy says in one line that none answers', async () => {
      const commands = ['status', 'reload', 'drain'];
      const results = commands.map((command) => runSluice([command, '--admin', 'http://127.0.0.1:1']));
      for (const result of await Promise.all(results)) failsWith(result, 1, /127\.0\.0\.1:1/);
    }),
  ]);
});
