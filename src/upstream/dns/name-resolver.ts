import { getServers } from 'node:dns';
import { canonicalAddress, type ResolvedAddress } from './canonical-address.ts';
import { DnsCache } from './dns-cache.ts';
import { DnsClient } from './dns-client.ts';
import { type AddressRecord, normalName, type ServiceRecord } from './dns-record.ts';
import { type DnsServer, parseDnsServer } from './dns-server.ts';
import { isLocalhost, localhostAddresses, parseHosts } from './hosts-file.ts';
import { firstPresent, joinFamilies, joinStates } from './join-lookups.ts';
import type { TtlBounds } from './lookup-schedule.ts';
import type { AddressLookup, NameLookup, ServiceLookup } from './name-lookup.ts';
import { candidateNames, parseResolvConf, type ResolvConf } from './resolv-conf.ts';
import { WatchedFile } from './watched-file.ts';

export interface NameResolverOptions extends Partial<TtlBounds> {
  /** `ADDRESS`, `ADDRESS:PORT` or `[V6]:PORT` [resolv.conf's, else what the system has configured] */
  readonly servers?: readonly string[];
  /** [1 s] */
  readonly minTtlMs?: number;
  /** [5 min] */
  readonly maxTtlMs?: number;
  /** [30 s] */
  readonly maxNegativeTtlMs?: number;
  /** What one question may take altogether, whatever number of servers is silent. [5 s] */
  readonly deadlineMs?: number;
  /** Whether the last good answer outlives its TTL while lookups fail. [true] */
  readonly keepOnFailure?: boolean;
  /** Questions remembered. [100,000] */
  readonly maxEntries?: number;
  readonly resolvConfPath?: string;
  readonly hostsPath?: string;
}

const defaultOptions = {
  minTtlMs: 1000,
  maxTtlMs: 300_000,
  maxNegativeTtlMs: 30_000,
  deadlineMs: 5000,
  keepOnFailure: true,
  maxEntries: 100_000,
  resolvConfPath: '/etc/resolv.conf',
  hostsPath: process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts',
};

const maxConcurrentQuestions = 128;
/** Names in the hosts file have no TTL; a change there is seen after this long. */
const hostsTtlMs = 5000;

/**
 * Names to addresses as the system's own resolver has it (hosts file, `localhost`, search domains, the servers of
 * resolv.conf; both files are read again when they change), and with the TTLs that it keeps to itself.
 */
export class NameResolver implements NameLookup {
  readonly #client: DnsClient;
  readonly #cache: DnsCache;
  readonly #conf: () => ResolvConf;
  readonly #hosts: WatchedFile<ReadonlyMap<string, readonly ResolvedAddress[]>>;

  constructor(options: NameResolverOptions = {}) {
    const settings = { ...defaultOptions, ...options };
    this.#hosts = new WatchedFile(settings.hostsPath, parseHosts);
    const resolvConf = new WatchedFile(settings.resolvConfPath, parseResolvConf);
    const injected = options.servers?.map(injectedServer);
    this.#conf = () => {
      const conf = resolvConf.read();
      return { ...conf, servers: injected ?? (conf.servers.length > 0 ? conf.servers : systemServers()) };
    };
    this.#client = new DnsClient({
      servers: this.#conf,
      deadlineMs: settings.deadlineMs,
      maxConcurrent: maxConcurrentQuestions,
    });
    this.#cache = new DnsCache({ ...settings, ask: (question) => this.#client.ask(question) });
  }

  /** `search: false`: the name is complete as it is, whatever resolv.conf says. */
  async addresses(name: string, { search } = { search: true }): Promise<AddressLookup> {
    const known = this.#knownWithoutAsking(name);
    if (known !== undefined) {
      return known;
    }
    return firstPresent(search ? candidateNames(name, this.#conf()) : [normalName(name)], (candidate) =>
      this.#askForAddresses(candidate),
    );
  }

  services(name: string): Promise<ServiceLookup> {
    return firstPresent(candidateNames(name, this.#conf()), (candidate) => this.#askForServices(candidate));
  }

  /** Gives up what is under way: its promises resolve with ECANCELLED. */
  close(): void {
    this.#client.close();
  }

  #knownWithoutAsking(name: string): AddressLookup | undefined {
    const literal = canonicalAddress(name);
    if (literal !== undefined) {
      return { addresses: [literal], nextLookupAtMs: Number.POSITIVE_INFINITY };
    }
    const normal = normalName(name);
    const addresses =
      this.#hosts.read().get(normal) ?? (isLocalhost(normal) ? localhostAddresses : undefined);
    return addresses && { addresses, nextLookupAtMs: performance.now() + hostsTtlMs };
  }

  async #askForAddresses(name: string): Promise<AddressLookup> {
    const [v6, v4] = await Promise.all([
      this.#cache.lookup({ name, type: 'AAAA' }),
      this.#cache.lookup({ name, type: 'A' }),
    ]);
    return joinFamilies(v6, v4);
  }

  async #askForServices(name: string): Promise<ServiceLookup> {
    const { records, additional, ...state } = await this.#cache.lookup({ name, type: 'SRV' });
    const found = records.filter((record) => record.type === 'SRV');
    const offered = found.filter((record) => record.target !== '');
    if (offered.length === 0) {
      return { services: [], ...(found.length > 0 ? { absence: notOffered } : {}), ...state };
    }
    const targets = await Promise.all(offered.map((record) => this.#targetAddresses(record, additional)));
    const services = offered.map((record, index) => ({
      priority: record.priority,
      weight: record.weight,
      port: record.port,
      addresses: targets[index]?.addresses ?? [],
    }));
    return { services, ...joinStates(state, ...targets) };
  }

  /** An SRV target's addresses: those that came along, and for a family that none came of, those asked for. */
  async #targetAddresses(
    { target }: ServiceRecord,
    additional: readonly AddressRecord[],
  ): Promise<AddressLookup> {
    const known = this.#knownWithoutAsking(target);
    if (known !== undefined) {
      return known;
    }
    const given = async (type: AddressRecord['type']) => {
      const records = additional.filter((record) => record.type === type && record.name === target);
      return records.length > 0
        ? { records, additional: [], nextLookupAtMs: Number.POSITIVE_INFINITY }
        : this.#cache.lookup({ name: target, type });
    };
    const [v6, v4] = await Promise.all([given('AAAA'), given('A')]);
    const { absence, failure, ...rest } = joinFamilies(v6, v4);
    const problem = failure ?? absence;
    return problem === undefined
      ? rest
      : { ...rest, failure: { code: problem.code, why: `target ${target}: ${problem.why}` } };
  }
}

const notOffered = { code: 'ENODATA', why: 'the service is said not to be offered (SRV target ".")' };

function injectedServer(text: string): DnsServer {
  const server = parseDnsServer(text);
  if (server === undefined) {
    throw new TypeError(`${text} is not a DNS server: ADDRESS, ADDRESS:PORT or [V6]:PORT`);
  }
  return server;
}

/** Where there is no resolv.conf: what the system's own resolver uses. */
function systemServers(): DnsServer[] {
  return getServers().flatMap((server) => parseDnsServer(server) ?? []);
}
