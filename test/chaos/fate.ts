import type { Outcome } from '../../src/data-plane/outcome.ts';
import { PrefixReader } from '../../src/data-plane/portable-prefix.ts';
import { normalizeServerName } from '../../src/routing/server-name.ts';
import { type Behaviour, behaviours } from './behaviours.ts';

export const maxHelloBytes = 64 * 1024;

/** What the first bytes of a connection make of it, were there no more of them. */
export type Fate =
  | { readonly kind: 'forwarded'; readonly behaviour: Behaviour; readonly serverName: string }
  | { readonly kind: 'refused'; readonly outcome: Outcome; readonly answer: Uint8Array | 'reset' }
  | { readonly kind: 'incomplete' };

export interface ReadOpening {
  readonly fate: Fate;
  /** How long the PROXY header is; 0 where there is none, or not all of it. */
  readonly headerBytes: number;
  /** Who the client is, by its header. */
  readonly source: string | undefined;
}

const nothing = new Uint8Array(0);

/** The same scanners as the portable plane's; what routes say of the name is worked out here. */
export function readOpening(opening: Uint8Array, expectsProxyHeader: boolean): ReadOpening {
  const reader = new PrefixReader(maxHelloBytes, expectsProxyHeader);
  const prefix = reader.push(Buffer.from(opening));
  const { proxyHeader: header } = reader;
  const facts = { headerBytes: header?.bytes ?? 0, source: header?.source?.address };
  if (opening.length === 0 || prefix === undefined) return { ...facts, fate: { kind: 'incomplete' } };
  if (prefix.kind === 'complete') return { ...facts, fate: routed(prefix.hello?.serverName, prefix.hello) };
  const { how, outcome } = prefix.reject;
  return {
    ...facts,
    fate: { kind: 'refused', outcome, answer: typeof how === 'object' ? alert(how.alert) : nothing },
  };
}

function routed(sentName: string | undefined, hello: object | undefined): Fate {
  if (hello === undefined) return { kind: 'refused', outcome: 'not_tls', answer: nothing };
  const serverName = sentName === undefined ? undefined : normalizeServerName(sentName);
  const kind = /\.([a-z-]+)\.test$/.exec(serverName ?? '')?.[1];
  if (kind === 'barred') return { kind: 'refused', outcome: 'rejected', answer: alert(49) };
  if (kind === 'kicked') return { kind: 'refused', outcome: 'rejected', answer: 'reset' };
  const behaviour = behaviours.find((each) => each === kind);
  if (behaviour === undefined) return { kind: 'refused', outcome: 'no_route', answer: alert(112) };
  return { kind: 'forwarded', behaviour, serverName: serverName ?? '' };
}

/** A fatal alert (RFC 8446 section 6) in a record of its own. */
export function alert(description: number): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, description);
}
