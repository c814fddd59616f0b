import type { EndpointRates, RouteRates, TopRates } from './top-rates.ts';
import { type TopColumn, topTable } from './top-table.ts';

export const topSorts = ['connections', 'bytes', 'up', 'down', 'errors', 'name'] as const;
export type TopSort = (typeof topSorts)[number];

export interface TopView {
  readonly admin: string;
  readonly sort: TopSort;
  /** Routes that are scrolled past. */
  readonly skipped: number;
  readonly columns: number;
  /** Undefined: as many as there is something to say. */
  readonly lines: number | undefined;
  /** Bold, reverse and colours. */
  readonly isStyled: boolean;
  /** Why what is shown is old; undefined: it is not. */
  readonly problem: string | undefined;
  readonly time: string;
}

const routeColumns: readonly TopColumn<RouteRates>[] = [
  { heading: 'ROUTE', cell: ({ name }) => (name === '' ? '(none)' : name) },
  { heading: 'CONN/S', cell: ({ connections }) => count(connections), sort: 'connections' },
  { heading: 'UP/S', cell: ({ bytesUp }) => bytes(bytesUp), sort: 'up' },
  { heading: 'DOWN/S', cell: ({ bytesDown }) => bytes(bytesDown), sort: 'down' },
  { heading: 'REFUSED/S', cell: ({ refused }) => count(refused), sort: 'errors' },
  { heading: 'RESET/S', cell: ({ reset }) => count(reset) },
];

const endpointColumns: readonly TopColumn<EndpointRates>[] = [
  { heading: 'UPSTREAM', cell: ({ upstream }) => upstream },
  {
    heading: 'ENDPOINT',
    cell: ({ endpoint }) => (endpoint === '' ? 'the name asked for' : endpoint),
    isText: true,
  },
  { heading: 'STATE', cell: ({ isUp }) => (isUp ? 'up' : 'NOT UP'), isText: true },
  { heading: 'ACTIVE', cell: ({ active }) => whole(active) },
  { heading: 'FAILED/S', cell: ({ failures }) => count(failures) },
];

const keys = 'q quit   c connections  b bytes  u up  d down  e errors  n name   ↑↓ scroll   space pause';

/** One frame of `sluice top`, a text for each line; none is wider than the terminal. */
export function topFrame(rates: TopRates, view: TopView): string[] {
  const style = view.isStyled ? styled : plain;
  const routes = sortRoutes(rates.routes, view.sort);
  const endpoints = sortEndpoints(rates.endpoints);
  const head = summary(rates, view).map((line) => fit(line, view.columns));
  // Headings, a line between the tables and the keys.
  const room =
    view.lines === undefined ? Number.POSITIVE_INFINITY : Math.max(0, view.lines - head.length - 5);
  const endpointRows = Math.min(endpoints.length, Math.max(Math.floor(room / 3), room - routes.length));
  const skipped = Math.min(view.skipped, Math.max(0, routes.length - 1));
  const shown = routes.slice(skipped, skipped + Math.max(0, room - endpointRows));
  const heading = (text: string) => style.heading(text.padEnd(view.isStyled ? view.columns : 0));
  const table = <Row>(
    rows: readonly Row[],
    columns: readonly TopColumn<Row>[],
    paint: (row: Row, line: string) => string,
  ) => {
    const [first = '', ...lines] = topTable(rows, columns, view.columns, view.sort);
    return [heading(first), ...rows.map((row, i) => paint(row, lines[i] ?? ''))];
  };
  const frame = [
    style.title(head[0] ?? ''),
    ...head.slice(1),
    '',
    ...table(shown, routeColumns, ({ refused, reset, connections, bytesUp, bytesDown }, line) =>
      refused + reset > 0
        ? style.warning(line)
        : connections + bytesUp + bytesDown > 0
          ? line
          : style.idle(line),
    ),
    '',
    ...table(endpoints.slice(0, endpointRows), endpointColumns, ({ isUp, failures }, line) =>
      !isUp ? style.alarm(line) : failures > 0 ? style.warning(line) : line,
    ),
  ];
  if (view.lines === undefined) return frame;
  const full = [...frame, ...new Array<string>(Math.max(0, view.lines - frame.length - 1)).fill('')];
  return [
    ...full.slice(0, view.lines - 1),
    style.idle(fit(`${position(skipped, shown, routes)}   ${keys}`, view.columns)),
  ];
}

function summary({ plane, restarts, active, total, refusals, routes }: TopRates, view: TopView): string[] {
  const parts = [
    `Sluice at ${view.admin}`,
    view.time,
    `${plane} data plane`,
    ...(restarts > 0 ? [`${restarts} worker restarts`] : []),
  ];
  const rates = [
    `Active ${whole(active)}`,
    `ended ${count(total.connections)}/s`,
    `up ${bytes(total.bytesUp)}/s`,
    `down ${bytes(total.bytesDown)}/s`,
    `${routes.length} routes in use, by ${view.sort}`,
  ];
  const reasons = refusals.map(({ reason, rate }) => `${reason} ${count(rate)}/s`).join('  ');
  return [
    parts.join('   '),
    rates.join('   '),
    `Refused ${count(total.refused)}/s${reasons === '' ? '' : `: ${reasons}`}`,
    ...(view.problem === undefined ? [] : [`No answer: ${view.problem}`]),
  ];
}

function position(skipped: number, shown: readonly unknown[], all: readonly unknown[]): string {
  return shown.length === 0 ? 'no route' : `${skipped + 1}–${skipped + shown.length} of ${all.length}`;
}

const byCount: Readonly<Record<Exclude<TopSort, 'name'>, (route: RouteRates) => number>> = {
  connections: ({ connections }) => connections,
  bytes: ({ bytesUp, bytesDown }) => bytesUp + bytesDown,
  up: ({ bytesUp }) => bytesUp,
  down: ({ bytesDown }) => bytesDown,
  errors: ({ refused, reset }) => refused + reset,
};

/** Equal ones by name, so that rows do not dance. */
function sortRoutes(routes: readonly RouteRates[], sort: TopSort): RouteRates[] {
  const byName = (a: RouteRates, b: RouteRates) => (a.name < b.name ? -1 : 1);
  if (sort === 'name') return routes.toSorted(byName);
  const key = byCount[sort];
  return routes.toSorted((a, b) => key(b) - key(a) || byName(a, b));
}

/** What is not up first, then the busiest. */
function sortEndpoints(endpoints: readonly EndpointRates[]): EndpointRates[] {
  return endpoints.toSorted(
    (a, b) =>
      Number(a.isUp) - Number(b.isUp) ||
      b.failures - a.failures ||
      b.active - a.active ||
      (`${a.upstream} ${a.endpoint}` < `${b.upstream} ${b.endpoint}` ? -1 : 1),
  );
}

function fit(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function count(rate: number): string {
  if (rate === 0) return '0';
  return rate < 10 ? rate.toFixed(1) : whole(rate);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

function bytes(rate: number): string {
  const step = Math.min(units.length - 1, rate < 1 ? 0 : Math.floor(Math.log2(rate) / 10));
  const amount = rate / 1024 ** step;
  return `${step === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[step]}`;
}

const plain = {
  title: (text: string) => text,
  heading: (text: string) => text,
  idle: (text: string) => text,
  warning: (text: string) => text,
  alarm: (text: string) => text,
};

const styled: typeof plain = {
  title: (text) => `\x1b[1m${text}\x1b[0m`,
  heading: (text) => `\x1b[7m${text}\x1b[0m`,
  idle: (text) => `\x1b[2m${text}\x1b[0m`,
  warning: (text) => `\x1b[33m${text}\x1b[0m`,
  alarm: (text) => `\x1b[1;31m${text}\x1b[0m`,
};
