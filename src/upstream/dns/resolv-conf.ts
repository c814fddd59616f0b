import { normalName } from './dns-record.ts';
import { type DnsServer, parseDnsServer } from './dns-server.ts';

export interface ResolvConf {
  readonly servers: readonly DnsServer[];
  /** Domains to try for names with few dots. */
  readonly search: readonly string[];
  /** A name with at least so many dots is tried as it is first. */
  readonly ndots: number;
  readonly timeoutMs: number;
  readonly attempts: number;
}

/** glibc waits 5 s; nothing here should wait that long for one datagram. */
const defaultTimeoutSeconds = 2;
const defaultAttempts = 2;
/** glibc reads no more servers than this, and configurations are written with that in mind. */
const maxServers = 3;

/** resolv.conf(5), as far as it concerns a stub resolver. What is not understood is left out, as libc does. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: DnsServer[] = [];
  let search: string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') {
      servers.push(...values.slice(0, 1).flatMap((value) => parseDnsServer(value) ?? []));
    } else if (keyword === 'search' || keyword === 'domain') {
      search = values.map(normalName).filter((domain) => domain !== '');
    } else if (keyword === 'options') {
      for (const option of values) {
        const [, name = '', value] = /^(\w+):(\d+)$/.exec(option) ?? [];
        options.set(name, Number(value));
      }
    }
  }
  return {
    servers: servers.slice(0, maxServers),
    search,
    ndots: within(0, options.get('ndots') ?? 1, 15),
    timeoutMs: within(1, options.get('timeout') ?? defaultTimeoutSeconds, 30) * 1000,
    attempts: within(1, options.get('attempts') ?? defaultAttempts, 5),
  };
}

function within(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** The names that `name` may stand for, in the order in which to try them (resolv.conf(5), `search`, `ndots`). */
export function candidateNames(name: string, conf: Pick<ResolvConf, 'search' | 'ndots'>): string[] {
  const asIs = normalName(name);
  if (name.endsWith('.') || conf.search.length === 0) {
    return [asIs];
  }
  const searched = conf.search.map((domain) => `${asIs}.${domain}`);
  const dots = asIs.split('.').length - 1;
  return dots >= conf.ndots ? [asIs, ...searched] : [...searched, asIs];
}
