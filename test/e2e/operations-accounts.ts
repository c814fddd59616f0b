import assert from 'node:assert/strict';

import type { AccessLine } from '../access-log-file.ts';
import type { Visit } from './operations-load.ts';

/** Clients whose connections a killed worker may have taken along, or their last traces. */
export interface Excuses {
  /** It owned their connections: they may fail, and nothing is logged of them. */
  readonly owned: ReadonlySet<string>;
  /** Their connections had just ended: their lines may be lost. */
  readonly recent: ReadonlySet<string>;
}

const none: Excuses = { owned: new Set(), recent: new Set() };

/** Every connection has gone well and is in the log, once and to the byte, where nothing excuses it. */
export function assertLogged(
  visits: readonly Visit[],
  lines: readonly AccessLine[],
  excuses: Excuses = none,
): void {
  const failed = visits.filter(({ end, client }) => end !== 'ok' && !excuses.owned.has(client));
  assert.deepEqual(failed, []);
  const linesOf = byClient(lines);
  for (const [client, made] of byClient(visits)) {
    const logged = linesOf.get(client) ?? [];
    linesOf.delete(client);
    const isExcused = excuses.owned.has(client) || excuses.recent.has(client);
    if (isExcused && logged.length < made.length) continue;
    const bytes = sum(made.map((visit) => visit.bytes));
    const seen = logged.map(({ outcome }) => outcome);
    assert.deepEqual(
      [seen, sum(logged.map(({ bytesUp }) => bytesUp)), sum(logged.map(({ bytesDown }) => bytesDown))],
      [made.map(() => 'ok'), bytes, bytes],
      client,
    );
  }
  assert.deepEqual([...linesOf.keys()], [], 'the log has connections that nobody made');
}

/** Those of whom nothing is in the log. */
export function missing(visits: readonly Visit[], lines: readonly AccessLine[]): Visit[] {
  const linesOf = byClient(lines);
  return [...byClient(visits)].flatMap(([client, made]) => made.slice(linesOf.get(client)?.length ?? 0));
}

/** What the metrics have counted. */
export interface Counted {
  readonly connections: number;
  readonly up: number;
  readonly down: number;
  readonly restarts: number;
}

export function countedIn(samples: ReadonlyMap<string, number>): Counted {
  const total = (pattern: RegExp) =>
    sum([...samples].flatMap(([name, value]) => (pattern.test(name) ? value : [])));
  return {
    connections: total(/^sluice_connections_total\{/),
    up: total(/^sluice_bytes_total\{.*direction="up"/),
    down: total(/^sluice_bytes_total\{.*direction="down"/),
    restarts: total(/^sluice_worker_restarts_total$/),
  };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function byClient<Each extends { readonly client: string }>(all: readonly Each[]): Map<string, Each[]> {
  const groups = new Map<string, Each[]>();
  for (const each of all) {
    const group = groups.get(each.client);
    if (group === undefined) groups.set(each.client, [each]);
    else group.push(each);
  }
  return groups;
}
