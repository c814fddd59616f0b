import type { Snapshot } from '../config/snapshot.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { MetricsReport } from '../telemetry/metrics-report.ts';
import type { EndpointSettings, EndpointState } from '../upstream/endpoint.ts';
import type { OwnListener } from '../upstream/own-listeners.ts';

/**
 * What the supervisor and its workers say to each other. The worker speaks first (`started`): what is sent to a
 * process that does not listen yet is lost. Then, in this order: `routes` in parts, `configure`, `endpoints` of each
 * upstream, one `socket` for each listener (the socket itself travels beside the message), `serve`.
 */
export type ToWorker =
  /** Routes of the snapshot that comes next, with `configure` or `prepare`. */
  | ({ readonly kind: 'routes' } & RoutesPart)
  | {
      readonly kind: 'configure';
      readonly snapshot: SentSnapshot;
      readonly plane: DataPlane['kind'];
      readonly workerIndex: number;
      readonly workerCount: number;
      /** The worker's place in the memory at `limitMemoryFd`; undefined: it has to keep to its part of each limit. */
      readonly limitRow: number | undefined;
      readonly limitColumns: LimitColumns;
      /** Whom to become before the first connection is accepted. */
      readonly credentials: Credentials | undefined;
      /** Every listening socket of the proxy as it is bound. */
      readonly ownListeners: readonly OwnListener[];
    }
  /** All endpoints that the upstream has from now on. */
  | ({ readonly kind: 'endpoints' } & UpstreamEndpoints)
  | {
      readonly kind: 'endpoint-state';
      readonly upstream: string;
      /** Its key. */
      readonly endpoint: string;
      readonly state: EndpointState;
      readonly why: string;
    }
  | { readonly kind: 'socket'; readonly listener: string }
  | { readonly kind: 'serve' }
  /**
   * Accept from this socket of the listener, too, in place of the worker that it belongs to: until `stand-down`, or
   * another configuration.
   */
  | { readonly kind: 'stand-in'; readonly workerIndex: number; readonly listener: string }
  /** That worker accepts again. */
  | { readonly kind: 'stand-down'; readonly workerIndex: number }
  /**
   * Make ready for another configuration, and go on with the present one: answered by `prepared` with the same number.
   * A `socket` for each of its listeners follows, and then `switch` or `stay`.
   */
  | {
      readonly kind: 'prepare';
      readonly request: number;
      readonly snapshot: SentSnapshot;
      readonly limitColumns: LimitColumns;
      readonly ownListeners: readonly OwnListener[];
    }
  /** Serve what was prepared, with these endpoints, at once: answered by `switched` with the same number. */
  | {
      readonly kind: 'switch';
      readonly request: number;
      readonly upstreams: readonly UpstreamEndpoints[];
    }
  /** What was prepared will not come. */
  | { readonly kind: 'stay' }
  /**
   * Accept nothing more, end when the last connection has ended or the time is up. `acceptsWaiting`: who waits to be
   * accepted is taken in first, for nobody else has the sockets.
   */
  | { readonly kind: 'drain'; readonly timeoutMs: number; readonly acceptsWaiting: boolean }
  /** Reset every connection and end. */
  | { readonly kind: 'abort' }
  /** Log files have been moved away: open their paths anew. */
  | { readonly kind: 'reopen-logs' }
  /** Answered by the same, at once. */
  | { readonly kind: 'heartbeat' }
  /** Answered by `metrics` and `connections` with the same number. */
  | { readonly kind: 'report-metrics'; readonly request: number }
  | { readonly kind: 'report-connections'; readonly request: number; readonly limit: number };

export type ToSupervisor =
  | { readonly kind: 'started' }
  | { readonly kind: 'ready' }
  /** It cannot serve, and says why in one line; it ends by itself. */
  | { readonly kind: 'failed'; readonly problem: string }
  /** It has ejected an endpoint for failing real connections, or has taken it back (`why` undefined). */
  | {
      readonly kind: 'ejection';
      readonly upstream: string;
      readonly endpoint: string;
      readonly why: string | undefined;
    }
  /** Without a `request`: its last, told once it has no connection left. */
  | { readonly kind: 'metrics'; readonly request: number | undefined; readonly report: MetricsReport }
  | {
      readonly kind: 'connections';
      readonly request: number;
      readonly connections: readonly LiveConnection[];
    }
  /** `problem`: it cannot, and goes on as before. */
  | { readonly kind: 'prepared'; readonly request: number; readonly problem: string | undefined }
  | { readonly kind: 'switched'; readonly request: number }
  /** `connections`: live ones. */
  | { readonly kind: 'heartbeat'; readonly connections: number }
  /** A signal of its own asks it to end: it goes on until another has taken its place, and is told to drain then. */
  | { readonly kind: 'leaving' };

/** Where a worker finds the memory in which all of them keep the proxy's limits: `src/upstream/limits/limit-memory.ts`. */
export const limitMemoryFd = 4;

/** Where in it the connections of each upstream with a limit are counted. */
export type LimitColumns = ReadonlyMap<string, number>;

/** The routes go before it, in parts. */
export type SentSnapshot = Omit<Snapshot, 'routes'>;

export interface RoutesPart {
  /** Where the part belongs; 0: the first. */
  readonly offset: number;
  readonly totalBytes: number;
  readonly bytes: Uint8Array;
}

/** All endpoints that an upstream has. */
export interface UpstreamEndpoints {
  readonly upstream: string;
  readonly endpoints: readonly EndpointSettings[];
}

/** A user that workers run as. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** The user's name where it has one: its supplementary groups are then taken too. */
  readonly name: string | undefined;
}

const toWorkerKinds: ReadonlySet<unknown> = new Set<ToWorker['kind']>([
  'routes',
  'configure',
  'endpoints',
  'endpoint-state',
  'socket',
  'serve',
  'stand-in',
  'stand-down',
  'prepare',
  'switch',
  'stay',
  'drain',
  'abort',
  'reopen-logs',
  'heartbeat',
  'report-metrics',
  'report-connections',
]);
const toSupervisorKinds: ReadonlySet<unknown> = new Set<ToSupervisor['kind']>([
  'started',
  'ready',
  'failed',
  'ejection',
  'metrics',
  'connections',
  'prepared',
  'switched',
  'heartbeat',
  'leaving',
]);

/** Both ends run the same version, so the kind tells everything. */
export function isToWorker(message: unknown): message is ToWorker {
  return toWorkerKinds.has(kindOf(message));
}

export function isToSupervisor(message: unknown): message is ToSupervisor {
  return toSupervisorKinds.has(kindOf(message));
}

function kindOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'kind' in message ? message.kind : undefined;
}
