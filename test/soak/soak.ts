import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EchoBackend } from '../e2e/echo.ts';
import { ReloadableProxy } from '../e2e/reloadable-proxy.ts';
import { sluiceArguments } from '../e2e/sluice-process.ts';
import { p99 } from '../faults/bystander.ts';
import { processFacts } from '../process-facts.ts';
import { MixedLoad } from './mixed-load.ts';

/** What the proxy took in one window, and what its clients saw. */
export interface Window {
  readonly pssKib: number;
  readonly descriptors: number;
  readonly cpuMsPerThousand: number;
  readonly p99Ms: number;
  readonly directP99Ms: number;
  readonly operations: number;
}

export interface Drift {
  readonly start: Window;
  readonly end: Window;
  readonly percent: Readonly<Record<keyof Window, number>>;
}

export interface SoakResult {
  readonly plane: string;
  readonly minutes: number;
  readonly operations: number;
  readonly failures: number;
  readonly drift: Drift;
}

export interface SoakOptions {
  readonly plane: string;
  readonly minutes: number;
  readonly onWindow: (window: Window) => void;
}

const windowsPerRun = 50;
/** Where caches fill and code is compiled. */
const warmUpShare = 0.2;
/** Heaps are collected while they are small: garbage that may wait for a quarter of an hour would look like a leak. */
const mainCollected = ['--initial-old-space-size=8', ...sluiceArguments];
/** Start and end are the middles of this much of the run each. */
const comparedShare = 0.2;

/** The same load for so many minutes, and what has changed by the end of it. */
export async function soak({ plane, minutes, onWindow }: SoakOptions): Promise<SoakResult> {
  const backend = await EchoBackend.start();
  const proxy = await ReloadableProxy.start(configuration(plane, backend, 'off'), [], mainCollected);
  await proxy.reload(configuration(plane, backend, join(proxy.folder, 'access.log')));
  const load = new MixedLoad(proxy.sluice.port, Number(backend.address.split(':')[1]));
  try {
    load.start();
    await sleep(minutes * 60_000 * warmUpShare);
    load.take();
    const windows: Window[] = [];
    let failures = 0;
    for (let i = 0; i < windowsPerRun; i++) {
      const { window, failed } = await observe(
        proxy,
        load,
        (minutes * 60_000 * (1 - warmUpShare)) / windowsPerRun,
      );
      windows.push(window);
      failures += failed;
      onWindow(window);
    }
    const operations = windows.reduce((sum, window) => sum + window.operations, 0);
    return { plane, minutes, operations, failures, drift: driftOf(windows) };
  } finally {
    await load.stop();
    await proxy.end();
    backend.close();
  }
}

async function observe(
  proxy: ReloadableProxy,
  load: MixedLoad,
  ms: number,
): Promise<{ window: Window; failed: number }> {
  const { pid, workerPids } = proxy.sluice;
  const cpuMs = () => workerPids.reduce((sum, worker) => sum + processFacts(worker).cpuMs, 0);
  const cpuBefore = cpuMs();
  await sleep(ms);
  const cpuSpent = cpuMs() - cpuBefore;
  const { operations, latenciesMs, directMs, failures } = load.take();
  const facts = [pid, ...workerPids].map(processFacts);
  const window = {
    pssKib: facts.reduce((sum, { pssKib }) => sum + pssKib, 0),
    descriptors: facts.reduce((sum, { sockets, pipes }) => sum + sockets + pipes, 0),
    cpuMsPerThousand: (1_000 * cpuSpent) / operations,
    p99Ms: p99(latenciesMs),
    directP99Ms: p99(directMs),
    operations,
  };
  return { window, failed: failures.length };
}

function driftOf(windows: readonly Window[]): Drift {
  const count = Math.round(windows.length * comparedShare);
  const start = middles(windows.slice(0, count));
  const end = middles(windows.slice(-count));
  const change = (key: keyof Window) => Math.round(((end[key] - start[key]) / start[key]) * 1000) / 10;
  const percent = mapWindow(change);
  return { start, end, percent };
}

/** The median of each figure: single windows are at the mercy of whatever else the machine does. */
function middles(windows: readonly Window[]): Window {
  return mapWindow((key) => {
    const sorted = windows.map((window) => window[key]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  });
}

function mapWindow(map: (key: keyof Window) => number): Window {
  return {
    pssKib: map('pssKib'),
    descriptors: map('descriptors'),
    cpuMsPerThousand: map('cpuMsPerThousand'),
    p99Ms: map('p99Ms'),
    directP99Ms: map('directP99Ms'),
    operations: map('operations'),
  };
}

function configuration(plane: string, backend: EchoBackend, access: string): object {
  return {
    workers: 2,
    dataPlane: plane,
    listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
    routes: [{ name: 'echo', serverNames: ['*.echo.test'], upstream: 'echo' }],
    upstreams: { echo: { endpoints: [backend.address], health: { passive: false } } },
    timeouts: { idle: '1m', drain: '5s' },
    log: { access },
  };
}
