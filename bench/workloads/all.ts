import { idle } from './idle.ts';
import { measureLoad } from './load-figures.ts';
import type { Workload } from './workload.ts';

const gibibyte = 2 ** 30;

const connect: Workload = {
  name: 'connect',
  title: 'new connections, 64 at once: hello, 64-byte answer, close',
  unit: 'connection',
  cost: 'cpuUs',
  endsConnections: true,
  measure: (target, stage) => measureLoad(stage.native(target, { mode: 'connect', clients: 64 }), target),
};

function echo(name: string, size: number, clients: number, cost: Workload['cost'] = 'cpuUs'): Workload {
  const open = clients === 1 ? '1 connection' : `${clients} connections`;
  return {
    name,
    title: `round trips of ${size} bytes, ${open}`,
    unit: 'round trip',
    cost,
    measure: (target, stage) => measureLoad(stage.native(target, { mode: 'echo', size, clients }), target),
  };
}

function bulk(mode: 'down' | 'up', clients: number): Workload {
  return {
    name: `${mode}-${clients}`,
    title: `bulk ${mode}, ${clients} stream${clients === 1 ? '' : 's'}`,
    unit: 'GiB',
    cost: 'cpuUs',
    measure: (target, stage) =>
      measureLoad(stage.native(target, { mode, clients }), target, ({ bytes }) => bytes / gibibyte),
  };
}

function https(name: string, title: string, reconnects: boolean, clients: number): Workload {
  return {
    name,
    title,
    unit: 'request',
    cost: 'cpuUs',
    endsConnections: reconnects,
    measure: (target, stage) => measureLoad(stage.https(target, reconnects, clients), target),
  };
}

export const workloads: readonly Workload[] = [
  connect,
  echo('echo-1', 1024, 1, 'p50Us'),
  echo('echo-256', 256, 64),
  echo('echo-1k', 1024, 64),
  echo('echo-16k', 16_384, 64),
  ...(['down', 'up'] as const).flatMap((mode) => [1, 8, 64].map((streams) => bulk(mode, streams))),
  https('https', 'HTTPS requests of 1 KiB, 32 connections kept open', false, 32),
  https('https-new', 'HTTPS requests of 1 KiB, a TLS connection each, 8 at once', true, 8),
  idle,
];
