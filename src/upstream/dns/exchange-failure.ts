import type { DnsFailure } from './dns-reply.ts';
import { type DnsServer, dnsServerText } from './dns-server.ts';

export function exchangeTimeout(server: DnsServer, timeoutMs: number): DnsFailure {
  const why = `no answer from ${dnsServerText(server)} within ${Math.round(timeoutMs) / 1000}s`;
  return { kind: 'failed', code: 'ETIMEOUT', why };
}

export function exchangeError(server: DnsServer, error: NodeJS.ErrnoException): DnsFailure {
  const code = error.code ?? 'EBADRESP';
  return { kind: 'failed', code, why: `cannot ask ${dnsServerText(server)}: ${error.message}` };
}

export const exchangeCancelled: DnsFailure = {
  kind: 'failed',
  code: 'ECANCELLED',
  why: 'the lookup was given up',
};
