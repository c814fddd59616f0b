import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { claimsWith } from '../../bench/claims/all.ts';
import { measureClaim } from '../../bench/claims/measure-claim.ts';
import type { Peer } from '../../bench/peers/peer.ts';
import { summarize } from '../../bench/report/summary.ts';
import { svgChart } from '../../bench/report/svg-chart.ts';
import { markdownSection, sectionLines } from '../../bench/report/tables.ts';
import { Rounds } from '../../bench/rounds.ts';
import { sluice } from '../../bench/sluice.ts';
import { Stage } from '../../bench/stage.ts';
import { Subject } from '../../bench/subjects.ts';
import { workloads } from '../../bench/workloads/all.ts';
import { planes, sluiceArguments } from '../e2e/sluice-process.ts';

/** So small that the figures mean nothing: what is shown is that each of them can be had. */
const scale = { workers: 1, seconds: 0.03, warmSeconds: 0.03, idleStep: 25, main: sluiceArguments };

/** One of each kind. */
const kinds = ['connect', 'echo-1k', 'down-64', 'up-64', 'https', 'https-new', 'idle'];
const claims = ['scrape', 'connections', 'access-log', 'names-memory', 'workers-even'];

const endsBothWays: Peer = {
  name: 'one that ends both ways at once',
  packages: [],
  files: [],
  version: () => '',
  commandLine({ port, routes: [route] }) {
    const [host, endpoint] = route?.endpoint.split(':') ?? [];
    const program = `const { connect, createServer } = require('node:net');
      createServer((client) => {
        const upstream = connect(${endpoint}, '${host}');
        client.on('error', () => upstream.destroy()).on('end', () => client.destroy()).pipe(upstream);
        upstream.on('error', () => client.destroy()).pipe(client);
      }).listen(${port}, '127.0.0.1');`;
    return [process.execPath, '-e', program];
  },
};

describe('the benchmark', { skip: process.platform === 'linux' ? false : 'it reads /proc' }, () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set(scale);
  });
  after(() => stage.strike());

  test('measures every kind of workload with both data planes and with none', async () => {
    const own = planes.map((plane) => sluice(plane, { main: sluiceArguments }));
    const subjects = [
      ...own.map((proxy) => new Subject(proxy, '', false)),
      new Subject(undefined, '', false),
    ];
    const rounds = new Rounds(
      subjects,
      workloads.filter(({ name }) => kinds.includes(name)),
    );
    try {
      await rounds.run(0, stage, () => {});
    } finally {
      for (const subject of subjects) await subject.stop();
    }
    for (const { name, passesHalfClose } of subjects) assert.ok(passesHalfClose, name);
    const sections = summarize(rounds);
    assert.equal(sections.length, kinds.length);
    for (const { name, cost, rows } of sections) {
      for (const { subject, failed, figures } of rows) {
        assert.equal(failed, undefined, `${name}, ${subject}: ${failed}`);
        assert.ok(
          subject === 'no proxy' || figures[cost] !== undefined,
          `${name}, ${subject} has no ${cost}`,
        );
      }
    }
    assert.match(svgChart(sections), /^<svg.*sluice portable.*<\/svg>\n$/s);
    for (const section of sections) {
      assert.equal(sectionLines(section).length, 2 + subjects.length);
      assert.equal(markdownSection(section).length, 5 + subjects.length);
    }
  });

  test('compares with no peer that ends both ways at once, where connections end', async () => {
    const peer = new Subject(endsBothWays, '', true);
    const wanted = workloads.filter(({ name }) => ['connect', 'echo-1k'].includes(name));
    const rounds = new Rounds([peer], wanted);
    try {
      await rounds.run(0, stage, () => {});
    } finally {
      await peer.stop();
    }
    const [connect, echo] = summarize(rounds);
    assert.equal(connect?.bestPeer, undefined);
    assert.match(connect?.rows[0]?.note ?? '', /both ways/);
    assert.equal(echo?.bestPeer, peer.name);
    assert.equal(echo?.rows[0]?.note, undefined);
  });

  for (const claim of claimsWith(1_000).filter(({ name }) => claims.includes(name))) {
    test(`measures: ${claim.title}`, async () => {
      const { measured, failed } = await measureClaim(claim, stage, 1);
      assert.equal(failed, undefined);
      assert.ok(measured !== undefined && Number.isFinite(measured.median));
    });
  }
});
