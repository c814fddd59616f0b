import type { AccessLine } from '../access-log-file.ts';
import { samplesOf } from '../admin/admin-requests.ts';

/** Connections and bytes by the labels of the metrics. */
export type Accounts = ReadonlyMap<string, number>;

export function accountsOf(metrics: ReadonlyMap<string, number>): Accounts {
  const families = ['sluice_connections_total', 'sluice_bytes_total'];
  return new Map(families.flatMap((family) => Object.entries(samplesOf(metrics, family))));
}

/** What the metrics have to have counted where this is all that was logged. */
export function accountsOfLines(lines: readonly AccessLine[]): Accounts {
  const accounts = new Map<string, number>();
  const add = (labels: string, count: number) => accounts.set(labels, (accounts.get(labels) ?? 0) + count);
  for (const { listener, route, outcome, bytesUp, bytesDown } of lines) {
    add(`listener="${listener}",route="${route ?? ''}",outcome="${outcome}"`, 1);
    add(`route="${route ?? ''}",direction="up"`, bytesUp);
    add(`route="${route ?? ''}",direction="down"`, bytesDown);
  }
  return accounts;
}

/** One line for each count that is not what was to come. */
export function accountDifferences(before: Accounts, after: Accounts, expected: Accounts): string[] {
  return [...new Set([...after.keys(), ...expected.keys()])].flatMap((labels) => {
    const counted = (after.get(labels) ?? 0) - (before.get(labels) ?? 0);
    const due = expected.get(labels) ?? 0;
    return counted === due ? [] : [`{${labels}} has counted ${counted}, but the access log ${due}`];
  });
}

/** Connections that were counted over what was to come. */
export function surplus(before: Accounts, after: Accounts, expected: Accounts): number {
  return [...after]
    .filter(([labels]) => labels.includes('outcome='))
    .map(([labels, count]) => count - (before.get(labels) ?? 0) - (expected.get(labels) ?? 0))
    .reduce((sum, over) => sum + Math.max(0, over), 0);
}

/** Gauges that are to be back at nothing. */
export function liveGauges(metrics: ReadonlyMap<string, number>): string[] {
  return ['sluice_connections_active', 'sluice_endpoint_connections_active'].flatMap((family) =>
    Object.entries(samplesOf(metrics, family))
      .filter(([, value]) => value !== 0)
      .map(([labels, value]) => `${family}{${labels}} is ${value}`),
  );
}
