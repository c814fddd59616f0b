import type { ProbeResult } from './probe.ts';

/** What this machine runs out of, whatever the endpoint does. */
const ownShortages = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']);

const failureText: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ENETUNREACH', 'network unreachable'],
  ['ETIMEDOUT', 'connection timed out'],
  ['EPIPE', 'connection closed'],
]);

/** What a system error on a probe's socket means. */
export function socketFailure(error: NodeJS.ErrnoException): ProbeResult {
  const code = error.code ?? '';
  const why = failureText.get(code) ?? error.message;
  return { kind: ownShortages.has(code) ? 'inconclusive' : 'failed', why };
}
