import assert from 'node:assert/strict';

import { AdminServer } from '../../src/admin/admin-server.ts';
import type { Administered, UpgradeResult } from '../../src/admin/administered.ts';
import { checkConfig } from '../../src/config/load.ts';
import type { AdminSnapshot, RouteAction } from '../../src/config/snapshot.ts';
import { RouteList } from '../../src/routing/route-list.ts';
import type { ProxyStatus } from '../../src/supervisor/proxy-report.ts';
import { newSums } from '../../src/telemetry/counters.ts';
import type { LiveConnection } from '../../src/telemetry/live-connection.ts';
import type { ProxyMetrics } from '../../src/telemetry/render-metrics.ts';

const checked = checkConfig({
  listeners: [
    { name: 'edge', address: '127.0.0.1:8443' },
    { name: 'inner', address: '127.0.0.1:8444' },
  ],
  routes: [
    { name: 'shop', serverNames: ['shop.test', '*.shop.test'], upstream: 'shop' },
    { name: 'h2', serverNames: ['shop.test'], alpn: ['h2'], upstream: 'shop' },
    { name: 'office', serverNames: ['office.test'], sources: ['192.0.2.0/24'], upstream: 'shop' },
    { name: 'inner', listeners: ['inner'], upstream: 'shop' },
    { name: 'gone', serverNames: ['gone.test'], reject: 'access_denied' },
    { name: 'shut', serverNames: ['shut.test'], reject: 'close' },
  ],
  upstreams: { shop: { endpoints: ['192.0.2.1:443'] } },
});
assert.ok(checked.ok);
const { snapshot } = checked;

export const sampleStatus: ProxyStatus = {
  dataPlane: 'native',
  config: { hash: 'c0ffee0123456789', loadedAt: '2026-03-01T12:00:00.500Z' },
  workers: [
    { index: 0, pid: 4711, connections: 1200, restarts: 0 },
    { index: 1, pid: null, connections: 0, restarts: 3 },
  ],
  listeners: [{ name: 'edge', address: '0.0.0.0:443', connections: 1200 }],
  routes: [...new RouteList<RouteAction>(snapshot.routes)],
  routeCount: 6,
  upstreams: [
    {
      name: 'shop',
      balance: 'round-robin',
      connections: 1201,
      endpoints: [
        {
          endpoint: '192.0.2.1:443',
          weight: 1,
          state: 'up',
          why: 'TLSv1.3 handshake',
          connections: 1199,
          lastProbe: {
            at: '2026-03-01T14:59:57Z',
            result: 'passed',
            why: 'TLSv1.3 handshake',
            durationMs: 4.2,
          },
          certificateExpiresAt: '2026-03-15T18:00:00.000Z',
        },
        {
          endpoint: '[2001:db8::1]:443',
          weight: 10,
          state: 'down',
          why: 'connection refused',
          connections: 2,
          lastProbe: {
            at: '2026-03-01T14:58:00Z',
            result: 'failed',
            why: 'connection refused',
            durationMs: 1,
          },
          certificateExpiresAt: '2026-03-01T13:00:00.000Z',
        },
      ],
    },
    { name: 'anywhere', balance: 'round-robin', connections: 7, endpoints: [] },
  ],
};

/** What an admin server is told by a proxy, to be changed at will. */
export class FakeProxy implements Administered {
  isReady = true;
  isStopping = false;
  isStarting = false;
  generation = 2;
  live: LiveConnection[] = [];
  drains = 0;
  upgrade = async (): Promise<UpgradeResult> => ({ ok: true, pid: 4711 });
  reload?: NonNullable<Administered['reload']>;
  restartWorkers?: NonNullable<Administered['restartWorkers']>;

  get snapshot() {
    return this.isStarting ? undefined : snapshot;
  }

  async metrics<Result>(use: (metrics: ProxyMetrics) => Promise<Result>) {
    if (this.isStarting) return undefined;
    return use({
      counters: newSums(),
      liveByListener: new Map(),
      liveByEndpoint: new Map(),
      listeners: ['edge'],
      endpoints: [
        {
          upstream: 'shop',
          endpoint: '192.0.2.1:443',
          isUp: false,
          certificateExpiresAtMs: 1_790_000_000_900,
        },
      ],
      reloads: { success: 2, failure: 1 },
      configHash: 'c0ffee',
      plane: 'native',
      workerRestarts: 3,
    });
  }

  async status() {
    return this.isStarting ? undefined : sampleStatus;
  }

  /** As two workers would. */
  async connections(limit: number) {
    const half = this.live.length >> 1;
    return [...this.live.slice(0, half).slice(0, limit), ...this.live.slice(half).slice(0, limit)];
  }
}

/** Runs `use` with an admin server of a fake proxy. */
export async function withAdmin(
  admin: AdminSnapshot,
  use: (address: string, proxy: FakeProxy, server: AdminServer) => Promise<void>,
): Promise<void> {
  const proxy = new FakeProxy();
  const drain = () => {
    proxy.drains += 1;
  };
  const started = await AdminServer.start(admin, {
    proxy,
    version: '9.9.9',
    drain,
    upgrade: () => proxy.upgrade(),
  });
  assert.ok(started.ok);
  try {
    await use(started.server.address, proxy, started.server);
  } finally {
    await started.server.close();
  }
}

export const onLoopback: AdminSnapshot = { address: { host: '127.0.0.1', port: 0 }, token: undefined };
