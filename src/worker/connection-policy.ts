import { performance } from 'node:perf_hooks';
import type { Snapshot } from '../config/snapshot.ts';
import type {
  Connection,
  DataPlane,
  Decision,
  DialAddress,
  DialFailure,
  Ending,
  Pending,
  Policy,
  Reject,
} from '../data-plane/data-plane.ts';
import { normalizeServerName } from '../routing/server-name.ts';
import type { ConnectionObserver } from '../telemetry/connection-summary.ts';
import { tlsAlert } from '../tls/alert.ts';
import type { ClientHello } from '../tls/client-hello.ts';
import { ClientProfiles } from '../tls/client-profile.ts';
import { helloFact } from '../tls/hello-facts.ts';
import type { EndpointSettings, EndpointState } from '../upstream/endpoint.ts';
import type { SharedSources } from '../upstream/limits/shared-sources.ts';
import type { OwnListener } from '../upstream/own-listeners.ts';
import type { ServerNameResult } from '../upstream/server-name-resolution.ts';
import { SourceLimits } from '../upstream/source-limits.ts';
import type { WorkerSlot } from '../upstream/worker-slot.ts';
import { ConnectionQuery } from './connection-query.ts';
import { ConnectionRecord, recordOf } from './connection-record.ts';
import { ConnectionRules } from './connection-rules.ts';
import { CurrentRules } from './current-rules.ts';
import { type EjectionReport, EjectionReports } from './ejection-reports.ts';
import { EndedConnection } from './ended-connection.ts';
import { EndpointQuery } from './endpoint-query.ts';
import { proxyHeader } from './proxy-header.ts';
import type { ServerNameTargets } from './server-name-targets.ts';
import { type UpstreamCounts, UpstreamEntries } from './upstream-entries.ts';
import type { UpstreamEntry } from './upstream-entry.ts';

const noRoute: Reject = { kind: 'reject', how: { alert: tlsAlert.unrecognized_name }, outcome: 'no_route' };
const notTls: Reject = { kind: 'reject', how: 'close', outcome: 'not_tls' };
const unreachable: Reject = {
  kind: 'reject',
  how: { alert: tlsAlert.internal_error },
  outcome: 'upstream_unreachable',
};
/** It had connected, and there is no other to connect to. */
const upstreamReset: Reject = { kind: 'reject', how: 'reset', outcome: 'upstream_reset' };
const full: Reject = { kind: 'reject', how: { alert: tlsAlert.internal_error }, outcome: 'upstream_full' };
const nameNotAllowed: Reject = {
  kind: 'reject',
  how: { alert: tlsAlert.unrecognized_name },
  outcome: 'name_not_allowed',
};
const sourceLimited: Reject = { kind: 'reject', how: 'reset', outcome: 'source_limited' };
const pending: Pending = { kind: 'pending' };

/** What dialling somewhere else would not mend: this process is out of descriptors or memory. */
const ownFaults: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS']);

const countedApart: UpstreamCounts = () => undefined;

export interface ConnectionPolicyOptions {
  readonly worker: WorkerSlot;
  /** The sockets of this proxy as they are bound: it must never dial itself. */
  readonly ownListeners?: readonly OwnListener[];
  readonly observer?: ConnectionObserver | undefined;
  /** Told when this worker ejects an endpoint, and when it takes it back. */
  readonly tellEjection?: (report: EjectionReport) => void;
  /** Where limits are kept together with the other workers; without, each keeps to its part. */
  readonly sharedSources?: SharedSources | undefined;
  readonly upstreamCounts?: UpstreamCounts | undefined;
}

/**
 * The life of a connection as far as anything is decided in it, for both data planes: `hello` finds its route and
 * upstream, `#dial` somewhere to go, `dialFailed` the next place, `ended` gives back what it held and tells the
 * observer.
 */
export class ConnectionPolicy implements Policy {
  /** Who is told of decisions that take time; to be set before the first connection. */
  plane: Pick<DataPlane, 'answer'> | undefined;
  readonly #rules: CurrentRules;
  readonly #upstreams: UpstreamEntries;
  readonly #sourceLimits: SourceLimits;
  readonly #profiles = new ClientProfiles();
  readonly #observer: ConnectionObserver | undefined;
  readonly #ejections: EjectionReports;

  constructor(snapshot: Snapshot, options: ConnectionPolicyOptions) {
    const { worker, ownListeners = [], observer, tellEjection = () => {} } = options;
    this.#rules = new CurrentRules(new ConnectionRules(snapshot));
    this.#upstreams = new UpstreamEntries(worker);
    this.#upstreams.configure(snapshot.upstreams, ownListeners, options.upstreamCounts ?? countedApart);
    this.#sourceLimits = new SourceLimits(snapshot.limits, worker, options.sharedSources);
    this.#ejections = new EjectionReports(tellEjection);
    this.#observer = observer;
  }

  /** Takes over a reloaded configuration for the connections to come; those that live keep what they were given. */
  configure(
    rules: ConnectionRules,
    ownListeners: readonly OwnListener[],
    upstreamCounts: UpstreamCounts = countedApart,
  ): void {
    this.#rules.replace(rules);
    this.#upstreams.configure(rules.snapshot.upstreams, ownListeners, upstreamCounts);
    this.#sourceLimits.configure(rules.snapshot.limits);
  }

  /** Takes over the endpoints that an upstream has now, as the supervisor found them. */
  updateEndpoints(upstream: string, endpoints: readonly EndpointSettings[]): void {
    this.#upstreams.get(upstream)?.upstream.update(endpoints, performance.now());
  }

  /** Takes over what the supervisor found out about one endpoint. */
  setEndpointState(upstream: string, key: string, state: EndpointState, why: string): void {
    this.#upstreams.get(upstream)?.upstream.setState(key, state, why, performance.now());
  }

  /** For reports. */
  get upstreams(): Iterable<UpstreamEntry> {
    return this.#upstreams.all();
  }

  accepted(connection: Connection): 'hello' | 'proxy-header' | Reject {
    const record = new ConnectionRecord();
    connection.record = record;
    // Whose connection it is, the header will tell; until then it is nobody's.
    const rules = this.#rules.for(connection.listener.name);
    if (rules.trustsProxy(connection.listener.name, connection.client.address)) return 'proxy-header';
    return this.#countSource(rules, record, connection) ? 'hello' : sourceLimited;
  }

  hello(connection: Connection, hello: ClientHello | undefined): Decision {
    const record = recordOf(connection) ?? new ConnectionRecord();
    connection.record = record;
    record.isPlainTcp = hello === undefined;
    return asUnderstood(record, this.#decide(connection, record, hello));
  }

  #decide(connection: Connection, record: ConnectionRecord, hello: ClientHello | undefined): Decision {
    record.sentServerName = hello?.serverName;
    if (record.sentServerName !== undefined) record.serverName = normalizeServerName(record.sentServerName);
    if (hello) this.#noteHello(record, hello);
    const rules = this.#rules.for(connection.listener.name);
    if (!this.#countSource(rules, record, connection)) return sourceLimited;

    const route = rules.table.find(new ConnectionQuery(connection, record.serverName, hello));
    if (!route) return hello ? noRoute : notTls;
    record.route = route;
    if (route.action.kind === 'reject') return { kind: 'reject', how: route.action.how, outcome: 'rejected' };

    const entry = this.#upstreams.get(route.action.upstream);
    if (!entry) return unreachable;
    if (!entry.upstream.tryAcquire()) return full;
    record.upstream = entry;
    record.timeouts = rules.snapshot.timeouts;
    if (hello && saysProfile(entry)) record.profile ??= this.#profiles.of(hello);
    return entry.serverNames
      ? this.#dialServerName(connection, record, entry, entry.serverNames)
      : this.#dial(connection, record, entry);
  }

  dialFailed(connection: Connection, failure: DialFailure): Decision {
    const record = recordOf(connection);
    const entry = record?.upstream;
    if (!record || !entry) return unreachable;
    const isOwnFault = ownFaults.has(failure.code);
    const { endpoint } = record;
    record.endpoint = undefined;
    this.#observer?.dialFailed?.(entry.settings.name, endpoint?.key ?? '', failure.code);
    if (endpoint) {
      record.tried = [...record.tried, endpoint];
      const nowMs = performance.now();
      if (isOwnFault) entry.upstream.ended(endpoint, { diedBeforeFirstByte: false, served: false }, nowMs);
      else if (entry.upstream.dialFailed(endpoint, nowMs)) this.#ejections.began(entry.upstream, endpoint);
    }
    const isLast = isOwnFault || record.dials >= entry.settings.connectAttempts;
    // It had accepted: what it resets is passed on, unless there is another to do better.
    const isReset = failure.code === 'ECONNRESET';
    if (isReset && (isLast || !hasUntried(record, entry))) return upstreamReset;
    return asUnderstood(record, isLast ? unreachable : this.#dial(connection, record, entry));
  }

  ended(connection: Connection, ending: Ending): void {
    const record = recordOf(connection) ?? new ConnectionRecord();
    const { upstream: entry, endpoint } = record;
    if (entry && endpoint) {
      const served = ending.bytesDown > 0;
      const leftFirst = ending.outcome === 'upstream_reset' || ending.endedFirst === 'upstream';
      const use = { diedBeforeFirstByte: leftFirst && !served, served };
      // The time matters for failures alone.
      const nowMs = use.diedBeforeFirstByte ? performance.now() : 0;
      if (entry.upstream.ended(endpoint, use, nowMs)) {
        this.#ejections.began(entry.upstream, endpoint);
      }
    }
    entry?.upstream.release();
    if (record.countedSource !== undefined) this.#sourceLimits.ended(record.countedSource);
    this.#observer?.ended(new EndedConnection(connection, record, ending));
  }

  #dial(connection: Connection, record: ConnectionRecord, entry: UpstreamEntry): Decision {
    const target = entry.serverNames
      ? record.addresses[record.dials % record.addresses.length]
      : this.#pickEndpoint(connection, record, entry);
    if (!target) return unreachable;
    record.dialled = target;
    record.dials += 1;
    const { connectTimeoutMs, sendProxyProtocol } = entry.settings;
    const { timeouts = this.#rules.newest.snapshot.timeouts } = record;
    const dial = { kind: 'dial', endpoint: target, connectTimeoutMs, timeouts } as const;
    return sendProxyProtocol ? { ...dial, header: proxyHeader(connection, record, sendProxyProtocol) } : dial;
  }

  #pickEndpoint(
    connection: Connection,
    record: ConnectionRecord,
    { upstream }: UpstreamEntry,
  ): DialAddress | undefined {
    const { serverName, tried } = record;
    record.endpoint = upstream.pick(new EndpointQuery(connection, serverName), tried);
    if (record.endpoint) upstream.dialled(record.endpoint);
    return record.endpoint;
  }

  #dialServerName(
    connection: Connection,
    record: ConnectionRecord,
    entry: UpstreamEntry,
    targets: ServerNameTargets,
  ): Decision {
    const { serverName } = record;
    if (serverName === undefined || !targets.allows(serverName)) return nameNotAllowed;
    const decide = (result: ServerNameResult): Decision => {
      if (result.kind === 'refused') return nameNotAllowed;
      if (result.kind === 'failed') return unreachable;
      record.addresses = result.addresses;
      return this.#dial(connection, record, entry);
    };
    const result = targets.resolve(serverName);
    if (!(result instanceof Promise)) return decide(result);
    void result.then((found) => this.plane?.answer(connection, asUnderstood(record, decide(found))));
    return pending;
  }

  /** False when the source has all that it may have. A connection counts once, for whoever it is known to be from. */
  #countSource(rules: ConnectionRules, record: ConnectionRecord, connection: Connection): boolean {
    if (!rules.limitsSources || record.countedSource !== undefined) return true;
    record.countedSource = this.#sourceLimits.accept(connection.client.address, performance.now());
    return record.countedSource !== undefined;
  }

  #noteHello(record: ConnectionRecord, hello: ClientHello): void {
    this.#observer?.helloRead?.(hello.facts[helloFact.features] ?? 0, hello.wireBytes);
    if (this.#observer?.wantsProfile) record.profile = this.#profiles.of(hello);
  }
}

function hasUntried(record: ConnectionRecord, { serverNames, upstream }: UpstreamEntry): boolean {
  return serverNames ? record.dials < record.addresses.length : upstream.hasUntried(record.tried);
}

/** A client that speaks no TLS gets no alert: its connection is just closed. */
function asUnderstood(record: ConnectionRecord, decision: Decision): Decision {
  const isAlert = decision.kind === 'reject' && typeof decision.how === 'object';
  return isAlert && record.isPlainTcp ? { ...decision, how: 'close' } : decision;
}

/** Whether its PROXY headers say something of the client's program. */
function saysProfile({ settings: { sendProxyProtocol } }: UpstreamEntry): boolean {
  return sendProxyProtocol?.tlvs.some((tlv) => tlv === 'alpn' || tlv === 'ja4') ?? false;
}
