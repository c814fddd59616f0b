import { isIP } from 'node:net';

export interface DnsServer {
  /** An IP address; an IPv6 one may carry a zone id, as in resolv.conf. */
  readonly host: string;
  readonly port: number;
}

/** Reads `ADDRESS`, `ADDRESS:PORT` or `[V6]:PORT`; undefined where `text` is none of these. */
export function parseDnsServer(text: string): DnsServer | undefined {
  if (isIP(text) !== 0) {
    return { host: text, port: 53 };
  }
  const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4;
  return host !== undefined && isIP(host) !== 0 ? { host, port: Number(port) } : undefined;
}

export function dnsServerText(server: DnsServer): string {
  return server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
}
