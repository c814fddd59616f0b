import { isIP } from 'node:net';

import type { RouteAction, Snapshot } from '../config/snapshot.ts';
import { explainRoute } from '../routing/explain.ts';
import { RouteTable } from '../routing/route-table.ts';
import { normalizeServerName } from '../routing/server-name.ts';
import { tlsAlert, tlsAlertName } from '../tls/alert.ts';

/** The query of `/explain`. */
export interface ExplainQuery {
  readonly serverName?: string | undefined;
  /** `h2,http/1.1`. */
  readonly alpn?: string | undefined;
  readonly source?: string | undefined;
  /** The first one where it is not given. */
  readonly listener?: string | undefined;
}

export type ExplainAnswer =
  | { readonly ok: true; readonly explanation: Explanation }
  | { readonly ok: false; readonly error: string };

export interface Explanation {
  /** In normal form; null: none is asked for, or what is asked for is no server name. */
  readonly serverName: string | null;
  readonly listener: string;
  readonly route: string | null;
  readonly why: string;
  readonly upstream: string | null;
  /** How it is refused: a TLS alert's name, `close` or `reset`. */
  readonly reject: string | null;
  /** The winner first, then what it beat, then what is passed over. */
  readonly considered: readonly { readonly route: string; readonly verdict: string; readonly why: string }[];
}

/** Nobody reads more. */
const mostConsidered = 100;
const noRoute: RouteAction = { kind: 'reject', how: { alert: tlsAlert.unrecognized_name } };

export function explainConnection(snapshot: Snapshot, query: ExplainQuery): ExplainAnswer {
  const { source, listener = snapshot.listeners[0]?.name ?? '' } = query;
  const listeners = snapshot.listeners.map(({ name }) => name);
  if (!listeners.includes(listener)) {
    return {
      ok: false,
      error: `listener: there is no ${JSON.stringify(listener)}; allowed are ${listeners.join(', ')}`,
    };
  }
  if (source !== undefined && isIP(source) === 0) {
    return { ok: false, error: `source: ${JSON.stringify(source)} is not an IP address` };
  }
  const serverName = query.serverName === undefined ? undefined : normalizeServerName(query.serverName);
  const alpn = query.alpn?.split(',').filter((protocol) => protocol !== '') ?? [];
  const asked = { serverName, alpn, source, listener, plainTcp: false };
  const { winner, considered } = explainRoute(new RouteTable<RouteAction>(snapshot.routes), asked);
  const action = winner?.action ?? noRoute;
  const explanation = {
    serverName: serverName ?? null,
    listener,
    route: winner?.name ?? null,
    why: considered.find(({ verdict }) => verdict === 'won')?.why ?? 'no route matches',
    upstream: action.kind === 'forward' ? action.upstream : null,
    reject: action.kind === 'reject' ? rejectName(action.how) : null,
    considered: considered
      .slice(0, mostConsidered)
      .map(({ route, verdict, why }) => ({ route: route.name, verdict, why })),
  };
  return { ok: true, explanation };
}

export function rejectName(how: (RouteAction & { kind: 'reject' })['how']): string {
  return typeof how === 'string' ? how : (tlsAlertName(how.alert) ?? String(how.alert));
}
