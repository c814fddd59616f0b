import { setImmediate } from 'node:timers/promises';

import type { Connection, DataPlane } from '../data-plane/data-plane.ts';
import { NativePlane } from '../data-plane/native-plane.ts';
import { inSlices } from '../event-loop/in-slices.ts';
import type { AccessLog } from '../telemetry/access-log.ts';
import { formatSocketAddress } from '../telemetry/access-log-lines.ts';
import type { ConnectionMetrics } from '../telemetry/connection-metrics.ts';
import { counterData } from '../telemetry/counters.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { LiveCounts, MetricsReport } from '../telemetry/metrics-report.ts';
import { endpointKey } from '../upstream/endpoint.ts';
import type { ConnectionPolicy } from './connection-policy.ts';
import { ConnectionRecord, recordOf } from './connection-record.ts';

/** How many connections are looked at before the others get a turn: a few milliseconds. */
const connectionsPerTurn = 1_000;

export interface Reported {
  readonly metrics: ConnectionMetrics;
  readonly policy: ConnectionPolicy;
  readonly plane: DataPlane;
  readonly accessLog: AccessLog;
}

/** What a worker says of itself when it is asked. Nothing here costs a connection anything until then. */
export class WorkerReports {
  readonly #reported: Reported;

  constructor(reported: Reported) {
    this.#reported = reported;
  }

  async metrics(): Promise<MetricsReport> {
    const { counters } = this.#reported.metrics;
    const liveByListener = await this.#countLive();
    this.#readTotals();
    return {
      counters: await inSlices(counterData(counters)),
      liveByListener,
      liveByEndpoint: this.#liveByEndpoint(),
    };
  }

  connections(limit: number): LiveConnection[] {
    const found: LiveConnection[] = [];
    if (limit <= 0) return found;
    for (const connection of this.#reported.plane.connections()) {
      found.push(describe(connection));
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Counts the live connections, and the bytes that they have moved since the last time. */
  async #countLive(): Promise<LiveCounts['liveByListener']> {
    const live = new Map<string, number>();
    let turnEnds = connectionsPerTurn;
    for (const connection of this.#reported.plane.connections()) {
      const { name } = connection.listener;
      live.set(name, (live.get(name) ?? 0) + 1);
      this.#countProgress(connection);
      if (--turnEnds > 0) continue;
      turnEnds = connectionsPerTurn;
      await setImmediate();
    }
    return live;
  }

  /** A connection whose route is not known yet is counted later: no counter may ever go back. */
  #countProgress(connection: Connection): void {
    const record = recordOf(connection);
    if (record?.route === undefined) return;
    const bytes = { up: connection.bytesUp, down: connection.bytesDown };
    record.bytesCounted = this.#reported.metrics.progressed(record.route.name, bytes, record.bytesCounted);
  }

  /** What others count by themselves. */
  #readTotals(): void {
    const { metrics, plane, accessLog } = this.#reported;
    if (plane instanceof NativePlane) {
      metrics.counters.splicedBytes.row()[0] = plane.stats.splicedBytes;
      metrics.counters.acceptFailures.row()[0] = plane.stats.acceptFailures;
    }
    metrics.counters.accessLogLinesLost.row()[0] = accessLog.lost;
  }

  #liveByEndpoint(): LiveCounts['liveByEndpoint'] {
    const live = new Map<string, Map<string, number>>();
    const nowMs = performance.now();
    for (const { settings, upstream, serverNames } of this.#reported.policy.upstreams) {
      const counts = new Map<string, number>();
      if (serverNames !== undefined) counts.set('', upstream.connections);
      for (const { key, activeConnections } of upstream.endpoints(nowMs)) counts.set(key, activeConnections);
      live.set(settings.name, counts);
    }
    return live;
  }
}

function describe(connection: Connection): LiveConnection {
  // Nothing may be known of it yet but its id, which it keeps.
  const record = recordOf(connection) ?? new ConnectionRecord();
  connection.record = record;
  return {
    id: record.id,
    listener: connection.listener.name,
    client: formatSocketAddress(connection.client),
    serverName: record.sentServerName ?? null,
    route: record.route?.name ?? null,
    upstream: record.upstream?.settings.name ?? null,
    endpoint: record.dialled ? endpointKey(record.dialled) : null,
    bytesUp: connection.bytesUp,
    bytesDown: connection.bytesDown,
    ageMs: Math.round(connection.ageMs),
  };
}
