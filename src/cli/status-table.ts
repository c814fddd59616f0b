import type { AdminStatus } from '../admin/admin-app.ts';
import { duration } from './duration.ts';
import { statusProblems } from './status-problems.ts';
import { textTable } from './text-table.ts';

/** More are for `--json`. */
export const mostRows = 50;
const mostNames = 3;
const shownHashLength = 12;

type Endpoint = AdminStatus['upstreams'][number]['endpoints'][number];

/** `/status` for people; `now` is what ages count from. */
export function describeStatus(status: AdminStatus, now: Date): string {
  const { version, state, pid, generation, uptimeSeconds, dataPlane, config, workers, listeners } = status;
  const loaded = config.loadedAt.slice(0, 19).replace('T', ' ');
  const problems = statusProblems(status, now);
  return [
    `Sluice ${version}, ${state}, up ${duration(uptimeSeconds)}, ${dataPlane} data plane`,
    `Process ${pid}${generation > 0 ? `, upgraded ${generation} ${generation === 1 ? 'time' : 'times'}` : ''}`,
    `Configuration ${config.hash.slice(0, shownHashLength)}, loaded ${loaded} UTC`,
    '',
    ...(problems.length === 0 ? ['No problems seen.'] : ['PROBLEMS', ...problems.map((line) => `  ${line}`)]),
    '',
    ...textTable(workers, [
      { heading: 'WORKER', cell: ({ index }) => String(index) },
      { heading: 'PID', cell: ({ pid }) => String(pid ?? 'restarting') },
      { heading: 'CONNECTIONS', cell: ({ connections }) => connections },
      { heading: 'RESTARTS', cell: ({ restarts }) => restarts },
    ]),
    '',
    ...textTable(listeners, [
      { heading: 'LISTENER', cell: ({ name }) => name },
      { heading: 'ADDRESS', cell: ({ address }) => address },
      { heading: 'CONNECTIONS', cell: ({ connections }) => connections },
    ]),
    '',
    ...upstreamTable(status, now),
    '',
    ...routeTable(status),
  ].join('\n');
}

interface EndpointRow extends Pick<Endpoint, 'endpoint' | 'why' | 'connections' | 'lastProbe'> {
  /** In the first of its rows. */
  readonly upstream: string;
  readonly weight: number | '';
  readonly state: string;
  readonly certificateExpiresAt: string | null;
}

function upstreamTable({ upstreams }: AdminStatus, now: Date): string[] {
  const rows = upstreams.flatMap(({ name, connections, endpoints }): EndpointRow[] =>
    endpoints.length === 0
      ? [{ upstream: name, connections, ...anyName }]
      : endpoints.map((endpoint, i) => ({ upstream: i === 0 ? name : '', ...endpoint })),
  );
  const table = textTable(rows.slice(0, mostRows), [
    { heading: 'UPSTREAM', cell: ({ upstream }) => upstream },
    { heading: 'ENDPOINT', cell: ({ endpoint }) => endpoint },
    { heading: 'WEIGHT', cell: ({ weight }) => weight },
    { heading: 'STATE', cell: ({ state }) => state },
    { heading: 'CONNECTIONS', cell: ({ connections }) => connections },
    { heading: 'LAST PROBE', cell: ({ lastProbe }) => describeProbe(lastProbe, now) },
    { heading: 'CERTIFICATE', cell: ({ certificateExpiresAt }) => describeExpiry(certificateExpiresAt, now) },
    { heading: 'WHY', cell: ({ why }) => why },
  ]);
  return [...table, ...moreThan(rows.length)];
}

/** Stands for the endpoints of an upstream that connects to whatever name is asked for. */
const anyName = {
  endpoint: 'the name asked for',
  weight: '',
  state: '',
  why: '',
  lastProbe: null,
  certificateExpiresAt: null,
} as const;

function routeTable({ routes, routeCount }: AdminStatus): string[] {
  const table = textTable(routes.slice(0, mostRows), [
    { heading: 'ROUTE', cell: ({ name }) => name },
    { heading: 'SERVER NAMES', cell: ({ serverNames }) => describeNames(serverNames) },
    { heading: 'ALPN', cell: ({ alpn = [] }) => alpn.join(' ') },
    { heading: 'SOURCES', cell: ({ sources = [] }) => sources.join(' ') },
    { heading: 'LISTENERS', cell: ({ listeners = [] }) => listeners.join(' ') },
    { heading: 'TO', cell: ({ upstream, reject }) => upstream ?? `refused: ${reject}` },
  ]);
  return [...table, ...moreThan(routeCount)];
}

function describeNames(names: readonly string[] | undefined): string {
  if (names === undefined) return 'every connection';
  const more = names.length - mostNames;
  return `${names.slice(0, mostNames).join(' ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function moreThan(rows: number): string[] {
  return rows > mostRows ? [`and ${rows - mostRows} more: --json shows all`] : [];
}

function describeProbe(probe: Endpoint['lastProbe'], now: Date): string {
  if (probe === null) return '';
  return `${probe.result} ${duration((now.getTime() - Date.parse(probe.at)) / 1000)} ago`;
}

function describeExpiry(at: string | null, now: Date): string {
  if (at === null) return '';
  const seconds = (Date.parse(at) - now.getTime()) / 1000;
  return seconds < 0 ? `expired ${duration(-seconds)} ago` : `expires in ${duration(seconds)}`;
}
