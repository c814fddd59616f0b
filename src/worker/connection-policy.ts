import { performance } from 'node:perf_hooks';
import type { RouteSnapshot, Snapshot } from '../config/snapshot.ts';
import type { Connection, Decision, DialFailure, Ending, Policy, Reject } from '../data-plane/data-plane.ts';
import { CidrSet } from '../routing/cidr.ts';
import { RouteTable } from '../routing/route-table.ts';
import { normalizeServerName } from '../routing/server-name.ts';
import type { ConnectionObserver } from '../telemetry/connection-summary.ts';
import { tlsAlert } from '../tls/alert.ts';
import type { ClientHello } from '../tls/client-hello.ts';
import type { EndpointSettings } from '../upstream/endpoint.ts';
import type { WorkerSlot } from '../upstream/worker-slot.ts';
import { ConnectionQuery } from './connection-query.ts';
import { ConnectionRecord } from './connection-record.ts';
import { proxyHeader } from './proxy-header.ts';
import { createUpstreamEntry, type UpstreamEntry } from './upstream-entry.ts';

const noRoute: Reject = { kind: 'reject', how: { alert: tlsAlert.unrecognized_name }, outcome: 'no_route' };
const notTls: Reject = { kind: 'reject', how: 'close', outcome: 'not_tls' };
const unreachable: Reject = {
  kind: 'reject',
  how: { alert: tlsAlert.internal_error },
  outcome: 'upstream_unreachable',
};
const full: Reject = { kind: 'reject', how: { alert: tlsAlert.internal_error }, outcome: 'upstream_full' };

/** What dialling somewhere else would not mend: this process is out of descriptors or memory. */
const ownFaults: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']);

/**
 * The life of a connection as far as anything is decided in it, for both data planes: `hello` finds its route and
 * upstream, `#dial` an endpoint, `dialFailed` the next one, `ended` gives back what it held and tells the observer.
 */
export class ConnectionPolicy implements Policy {
  readonly #snapshot: Snapshot;
  readonly #table: RouteTable<RouteSnapshot>;
  readonly #upstreams: ReadonlyMap<string, UpstreamEntry>;
  readonly #trustedProxies: ReadonlyMap<string, CidrSet>;
  readonly #observer: ConnectionObserver | undefined;

  constructor(snapshot: Snapshot, worker: WorkerSlot, observer?: ConnectionObserver) {
    this.#snapshot = snapshot;
    this.#table = new RouteTable(snapshot.routes);
    this.#upstreams = new Map(
      snapshot.upstreams.map((each) => [each.name, createUpstreamEntry(each, worker)]),
    );
    this.#trustedProxies = new Map(
      snapshot.listeners.flatMap(({ name, acceptProxyFrom }) =>
        acceptProxyFrom ? [[name, new CidrSet(acceptProxyFrom)]] : [],
      ),
    );
    this.#observer = observer;
  }

  /** Takes over the endpoints that an upstream has now, as the supervisor resolved them. */
  updateEndpoints(upstream: string, endpoints: readonly EndpointSettings[]): void {
    this.#upstreams.get(upstream)?.upstream.update(endpoints, performance.now());
  }

  accepted(connection: Connection): 'hello' | 'proxy-header' {
    const trusted = this.#trustedProxies.get(connection.listener.name);
    return trusted?.has(connection.client.address) ? 'proxy-header' : 'hello';
  }

  hello(connection: Connection, hello: ClientHello | undefined): Decision {
    const record = new ConnectionRecord();
    connection.record = record;
    const sent = hello?.serverName;
    record.sentServerName = sent;
    record.serverName = sent === undefined ? undefined : normalizeServerName(sent);
    if (hello) this.#noteHello(record, hello);

    const route = this.#table.find(new ConnectionQuery(connection, record.serverName, hello));
    if (!route) return hello ? noRoute : notTls;
    record.route = route;
    if (route.action.kind === 'reject') return { kind: 'reject', how: route.action.how, outcome: 'rejected' };

    const entry = this.#upstreams.get(route.action.upstream);
    if (!entry) return unreachable;
    if (!entry.upstream.tryAcquire()) return full;
    record.upstream = entry;
    this.#noteForProxyHeader(record, entry, hello);
    return this.#dial(connection, record, entry);
  }

  dialFailed(connection: Connection, failure: DialFailure): Decision {
    const record = recordOf(connection);
    const { upstream: entry, endpoint } = record ?? {};
    if (!record || !entry || !endpoint) return unreachable;
    record.endpoint = undefined;
    record.tried.push(endpoint);
    if (ownFaults.has(failure.code)) {
      entry.upstream.ended(endpoint, { diedBeforeFirstByte: false, served: false }, performance.now());
      return unreachable;
    }
    entry.upstream.dialFailed(endpoint, performance.now());
    if (record.tried.length >= entry.settings.connectAttempts) return unreachable;
    return this.#dial(connection, record, entry);
  }

  ended(connection: Connection, ending: Ending): void {
    const record = recordOf(connection) ?? new ConnectionRecord();
    const { upstream: entry, endpoint } = record;
    if (entry && endpoint) {
      const died = ending.outcome === 'upstream_reset' && ending.bytesDown === 0;
      const use = { diedBeforeFirstByte: died, served: ending.bytesDown > 0 };
      entry.upstream.ended(endpoint, use, performance.now());
    }
    entry?.upstream.release();
    this.#observer?.ended({
      id: record.id,
      listener: connection.listener.name,
      client: connection.client,
      hello: record.hello,
      route: record.route?.name,
      upstream: entry?.settings.name,
      endpoint: endpoint?.key ?? record.tried.at(-1)?.key,
      ending,
    });
  }

  #dial(connection: Connection, record: ConnectionRecord, entry: UpstreamEntry): Decision {
    const { settings, upstream } = entry;
    const nowMs = performance.now();
    const request = { source: connection.client.address, serverName: record.serverName, nowMs };
    const endpoint = upstream.pick(request, record.tried);
    if (!endpoint) return unreachable;
    record.endpoint = endpoint;
    upstream.dialled(endpoint);
    const { connectTimeoutMs, sendProxyProtocol } = settings;
    const dial = { kind: 'dial', endpoint, connectTimeoutMs, timeouts: this.#snapshot.timeouts } as const;
    return sendProxyProtocol ? { ...dial, header: proxyHeader(connection, record, sendProxyProtocol) } : dial;
  }

  #noteHello(record: ConnectionRecord, hello: ClientHello): void {
    if (!this.#observer?.wantsHello) return;
    const { serverName, alpn, tlsVersion, ja4, features } = hello;
    record.hello = { serverName, alpn, tlsVersion, ja4, ech: features.ech };
  }

  /** The hello's bytes are the plane's, so what a PROXY header will say of it is read now. */
  #noteForProxyHeader(record: ConnectionRecord, { settings }: UpstreamEntry, hello?: ClientHello): void {
    const { tlvs = [] } = settings.sendProxyProtocol ?? {};
    if (tlvs.includes('alpn')) record.firstAlpn = hello?.alpn[0];
    if (tlvs.includes('ja4')) record.ja4 = hello?.ja4;
  }
}

function recordOf(connection: Connection): ConnectionRecord | undefined {
  return connection.record instanceof ConnectionRecord ? connection.record : undefined;
}
