import { type Context, Hono } from 'hono';

import type { RouteSnapshot } from '../config/snapshot.ts';
import { inSlices } from '../event-loop/in-slices.ts';
import type { RouteCriteria } from '../routing/route-criteria.ts';
import type { ProxyStatus } from '../supervisor/proxy-report.ts';
import { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { renderMetrics } from '../telemetry/render-metrics.ts';
import type { Administered, UpgradeResult } from './administered.ts';
import { explainConnection, rejectName } from './explain-connection.ts';
import { type AdminExposure, refuse } from './request-guard.ts';

export interface AdminAppOptions {
  readonly proxy: Administered;
  readonly version: string;
  /** Begins what SIGTERM begins; may be called again. */
  readonly drain: () => void;
  /** Starts the program anew in this one's place. Absent: it cannot be. */
  readonly upgrade?: () => Promise<UpgradeResult>;
  /** Asked for each request: the server may not be bound yet. */
  readonly exposure: () => AdminExposure;
}

const defaultLimit = 100;
const highestLimit = 10_000;
const startingError = { error: 'starting' };

/** The admin server's answers, for whatever carries the requests. */
export function createAdminApp({ proxy, version, drain, upgrade, exposure }: AdminAppOptions): Hono {
  const app = new Hono();
  const processMetrics = new ProcessMetrics();

  app.use(async (c, next) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    const refusal = refuse(c.req.header(), !isRead, exposure());
    if (refusal === undefined) return next();
    if (refusal.status === 401) c.header('WWW-Authenticate', 'Bearer');
    return c.json({ error: refusal.error }, refusal.status);
  });
  app.use(async (c, next) => {
    await next();
    c.header('Cache-Control', 'no-store');
    c.header('X-Content-Type-Options', 'nosniff');
  });

  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    if (proxy.isReady) return c.json({ status: 'ready' });
    return c.json({ error: proxy.isStopping ? 'draining' : 'not every worker serves' }, 503);
  });
  app.get('/metrics', async (c) => {
    // As Prometheus client libraries have it: a few of many metrics.
    const wanted = c.req.queries('name[]');
    const text = await proxy.metrics((metrics) => renderMetrics(metrics, wanted && new Set(wanted)));
    if (text === undefined) return c.json(startingError, 503);
    if (wanted === undefined) text.push(Buffer.from(await processMetrics.text()));
    return c.body(streamOf(text), 200, {
      'Content-Type': 'text/plain; version=0.0.4; charset=utf-8',
      'Content-Length': String(text.reduce((sum, { length }) => sum + length, 0)),
    });
  });
  app.get('/status', async (c) => {
    const { routes: asked } = c.req.query();
    const most = asked === undefined ? Number.POSITIVE_INFINITY : Number(asked);
    if (!(most >= 0)) return c.json({ error: `routes: ${JSON.stringify(asked)} is not a number` }, 400);
    const status = await proxy.status();
    if (status === undefined) return c.json(startingError, 503);
    const text = await inSlices(writeStatus(status, most, proxy, version));
    return c.body(text, 200, { 'Content-Type': 'application/json' });
  });
  app.get('/connections', (c) => showConnections(c, proxy));
  app.get('/explain', (c) => {
    if (proxy.snapshot === undefined) return c.json(startingError, 503);
    const answer = explainConnection(proxy.snapshot, c.req.query());
    return answer.ok ? c.json(answer.explanation) : c.json({ error: answer.error }, 400);
  });
  app.post('/reload', async (c) => {
    if (proxy.reload === undefined) return c.json({ error: 'this proxy cannot reload: restart it' }, 501);
    const result = await proxy.reload();
    if (result.ok) return c.json({ changes: result.changes });
    return c.json({ error: result.problems.join('\n'), problems: result.problems }, 422);
  });
  app.post('/restart-workers', async (c) => {
    if (proxy.restartWorkers === undefined) return c.json({ error: 'this proxy has no workers' }, 501);
    const { replaced, problem } = await proxy.restartWorkers();
    if (problem === undefined) return c.json({ replaced });
    return c.json({ error: problem, replaced }, 503);
  });
  app.post('/upgrade', async (c) => {
    if (upgrade === undefined) return c.json({ error: 'this proxy cannot be started anew by itself' }, 501);
    const result = await upgrade();
    if (result.ok) return c.json({ pid: result.pid });
    return c.json({ error: result.problems.join('\n'), problems: result.problems }, 503);
  });
  app.post('/drain', (c) => {
    drain();
    return c.json({ status: 'draining' });
  });

  for (const { path, method } of app.routes.filter((route) => route.path !== '/*')) {
    const allowed = method === 'GET' ? 'GET, HEAD' : method;
    app.all(path, (c) => {
      c.header('Allow', allowed);
      return c.json({ error: `${c.req.method} is not allowed here; allowed is ${allowed}` }, 405);
    });
  }
  app.notFound((c) => c.json({ error: `there is no ${c.req.path}` }, 404));
  app.onError((error, c) => c.json({ error: error.message }, 500));
  return app;
}

/** A body that is sent piece by piece: as one it would be copied, and copied again. */
function streamOf(pieces: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const left = pieces[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = left.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** What `/status` answers. */
export type AdminStatus = Omit<ProxyStatus, 'routes'> & {
  readonly version: string;
  readonly state: 'starting' | 'serving' | 'draining';
  /** Of the supervisor. */
  readonly pid: number;
  /** How often the program has been replaced while it served. */
  readonly generation: number;
  readonly uptimeSeconds: number;
  readonly routes: readonly (RouteCriteria & { readonly upstream?: string; readonly reject?: string })[];
};

/** JSON of an `AdminStatus` with so many routes at most, by steps: there may be a million. */
function* writeStatus(
  { routes, ...status }: ProxyStatus,
  mostRoutes: number,
  { isReady, isStopping, generation }: Administered,
  version: string,
): Generator<void, string> {
  const shown: Omit<AdminStatus, 'routes'> = {
    version,
    state: isStopping ? 'draining' : isReady ? 'serving' : 'starting',
    pid: process.pid,
    generation,
    uptimeSeconds: Math.round(process.uptime() * 1000) / 1000,
    ...status,
  };
  const texts: string[] = [];
  for (const route of routes) {
    if (texts.length >= mostRoutes) break;
    texts.push(JSON.stringify(showRoute(route)));
    yield;
  }
  return `${JSON.stringify(shown).slice(0, -1)},"routes":[${texts.join(',')}]}`;
}

function showRoute({ action, ...criteria }: RouteSnapshot): AdminStatus['routes'][number] {
  return {
    ...criteria,
    ...(action.kind === 'forward' ? { upstream: action.upstream } : { reject: rejectName(action.how) }),
  };
}

async function showConnections(c: Context, proxy: Administered) {
  const { limit: asked = String(defaultLimit) } = c.req.query();
  const limit = /^\d{1,9}$/.test(asked) ? Number(asked) : 0;
  if (limit < 1 || limit > highestLimit) {
    const error = `limit: ${JSON.stringify(asked)} is not allowed; allowed are whole numbers from 1 to ${highestLimit}`;
    return c.json({ error }, 400);
  }
  const found = await proxy.connections(limit);
  const oldestFirst = found.toSorted((a, b) => b.ageMs - a.ageMs);
  return c.json({ connections: oldestFirst.slice(0, limit) });
}
