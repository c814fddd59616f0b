/** Measures Sluice beside other proxies. usage: npm run bench [-- --help] */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { claimsWith } from './claims/all.ts';
import type { ClaimResult } from './claims/claim.ts';
import { measureClaim } from './claims/measure-claim.ts';
import { installPackages } from './debian.ts';
import { type Flags, parseFlags } from './flags.ts';
import { describeMachine } from './machine.ts';
import { peers } from './peers/all.ts';
import { Progress } from './report/progress.ts';
import { type Section, summarize } from './report/summary.ts';
import { claimLines, sectionLines } from './report/tables.ts';
import { writeResults } from './report/write-results.ts';
import { Rounds } from './rounds.ts';
import { projectFolder, sluice } from './sluice.ts';
import { Stage } from './stage.ts';
import { Subject } from './subjects.ts';
import { workloads } from './workloads/all.ts';

const full = { rounds: 3, seconds: 0.6, names: 1_000_000 };
const quick = { rounds: 1, seconds: 0.25, names: 100_000 };
/** A quick run leaves out what says much the same as something else. */
const notQuick = ['echo-256', 'down-1', 'down-8', 'up-1', 'up-8', 'names-memory', 'reload'];

const flags = parseFlags(process.argv.slice(2));
const { rounds = full.rounds, seconds = full.seconds } = { ...(flags.quick ? quick : full), ...flags };
const claims = claimsWith((flags.quick ? quick : full).names);

if (flags.installPeers) installPackages(peers.flatMap((peer) => peer.packages));
const stage = await Stage.set({ workers: flags.workers, seconds, warmSeconds: flags.warm, idleStep: 900 });
const subjects = subjectsOf(flags);
const progress = new Progress();
try {
  const sections = await measureWorkloads();
  const claimResults = await measureClaims();
  progress.clear();
  for (const section of sections) console.log(`\n${sectionLines(section).join('\n')}`);
  if (claimResults.length > 0) console.log(`\n${claimLines(claimResults).join('\n')}`);
  const folder = outputFolder();
  writeResults(folder, resultsOf(sections, claimResults));
  console.log(`\n${placement()}\nresults: ${folder}`);
} finally {
  for (const subject of subjects) await subject.stop();
  stage.strike();
}

async function measureWorkloads(): Promise<Section[]> {
  const all = new Rounds(subjects, workloads.filter(isWanted));
  const total = all.workloads.length * subjects.length * rounds;
  for (let round = 0; round < rounds; round++) {
    await all.run(round, stage, (workload, subject) =>
      progress.step(total, `round ${round + 1} of ${rounds}: ${workload.name}, ${subject.name}`),
    );
  }
  return summarize(all);
}

async function measureClaims(): Promise<ClaimResult[]> {
  const results: ClaimResult[] = [];
  const wanted = claims.filter(isWanted);
  progress.restart();
  for (const claim of wanted) {
    progress.step(wanted.length, claim.title);
    results.push(await measureClaim(claim, stage, rounds));
  }
  return results;
}

function isWanted({ name }: { readonly name: string }): boolean {
  return flags.only?.includes(name) ?? !(flags.quick && notQuick.includes(name));
}

function subjectsOf({ peers: wanted, baseline }: Flags): Subject[] {
  const builds = baseline === undefined ? [projectFolder] : [projectFolder, baseline];
  const own = builds.flatMap((from) => [sluice('native', { from }), sluice('portable', { from })]);
  const others = peers.filter(({ name }) => wanted?.includes(name) ?? true);
  const installed = others.filter((peer) => peer.version() !== undefined);
  for (const { name, packages } of others.filter((peer) => !installed.includes(peer))) {
    console.log(`${name} is not installed (${packages.join(' ')}): npm run bench -- --install-peers`);
  }
  return [
    ...own.map((proxy) => new Subject(proxy, proxy.version() ?? '', false)),
    ...installed.map((peer) => new Subject(peer, peer.version() ?? '', true)),
    new Subject(undefined, '', false),
  ];
}

/** A partial or quick run leaves the results of a full one alone. */
function outputFolder(): string {
  const isFull = !flags.quick && flags.only === undefined && flags.peers === undefined;
  return flags.output ?? join(projectFolder, isFull ? 'bench/results' : 'build/bench/results');
}

function resultsOf(sections: readonly Section[], claimResults: readonly ClaimResult[]) {
  return {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(
      ' ',
    ),
    machine: describeMachine(),
    placement: placement(),
    versions: Object.fromEntries(subjects.flatMap(({ name, version }) => (version ? [[name, version]] : []))),
    rounds,
    secondsEach: seconds,
    sections,
    claims: claimResults,
  };
}

function placement(): string {
  const { proxy, load } = stage.placement;
  if (proxy === undefined) return `the proxies and the load share ${availableParallelism()} processors`;
  return `each proxy has processor ${proxy} to itself, clients and backends share ${load}`;
}
