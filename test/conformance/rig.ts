import { strict as assert } from 'node:assert';
import { networkInterfaces } from 'node:os';
import { it } from 'node:test';
import type {
  Connection,
  DataPlane,
  DialAddress,
  Ending,
  PlaneListener,
  Policy,
} from '../../src/data-plane/data-plane.ts';
import { buildHello } from '../tls/hello-builder.ts';
import { bindLoopback } from './bound-socket.ts';
import { payload } from './payload.ts';
import { Peer } from './peer.ts';
import { ScriptedPolicy, type SeenEnding } from './scripted-policy.ts';
import { UpstreamServer } from './upstream-server.ts';

export type MakePlane = (policy: Policy) => DataPlane;

export interface RigOptions {
  readonly listener?: Partial<PlaneListener>;
  /** Where the plane listens ['127.0.0.1']; the upstream always has an IPv4 address. */
  readonly host?: '127.0.0.1' | '::1' | '::';
}

export interface Forwarded {
  readonly client: Peer;
  readonly upstream: Peer;
  readonly connection: Connection;
}

export const hello = buildHello({ serverName: 'shop.example.com' });

/** A plane that listens, its policy, and an upstream for it to dial. */
export class Rig {
  readonly plane: DataPlane;
  readonly policy: ScriptedPolicy;
  readonly listener: PlaneListener;
  readonly upstream: UpstreamServer;
  readonly host: string;
  readonly port: number;
  readonly #clients = new Set<Peer>();
  #planeClosed: Promise<void> | undefined;

  private constructor(makePlane: MakePlane, upstream: UpstreamServer, options: RigOptions) {
    const bound = bindLoopback(options.host);
    this.upstream = upstream;
    this.policy = new ScriptedPolicy(upstream.endpoint);
    this.plane = makePlane(this.policy);
    this.listener = {
      name: 'edge',
      helloTimeoutMs: 15_000,
      maxHelloBytes: 65_536,
      asksOnAccept: false,
      ...options.listener,
    };
    this.plane.listen(this.listener, bound.handle);
    this.host = options.host === '::' ? '127.0.0.1' : (options.host ?? '127.0.0.1');
    this.port = bound.port;
  }

  static async open(makePlane: MakePlane, options: RigOptions = {}): Promise<Rig> {
    return new Rig(makePlane, await UpstreamServer.open(), options);
  }

  get endpoint(): DialAddress {
    return this.upstream.endpoint;
  }

  /** A client that has sent nothing. */
  async connect(): Promise<Peer> {
    const client = await Peer.connect(this.port, this.host);
    this.#clients.add(client);
    client.socket.once('close', () => this.#clients.delete(client));
    return client;
  }

  /** A connection whose hello has arrived upstream. */
  async forward(): Promise<Forwarded> {
    const client = await this.connect();
    await client.send(hello);
    const upstream = await this.upstream.next();
    assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
    const { connection } = await this.policy.hellos.next();
    return { client, upstream, connection };
  }

  /** The next end that the policy is told of, which must be as expected. */
  async expectEnding(expected: Partial<Ending>): Promise<SeenEnding> {
    const ending = await this.policy.endings.next();
    const seen: Record<string, unknown> = {};
    for (const key of Object.keys(expected)) seen[key] = Reflect.get(ending, key);
    assert.deepEqual(seen, expected);
    assert.ok(ending.durationMs >= (ending.helloMs ?? 0) + (ending.connectMs ?? 0));
    return ending;
  }

  closeClients(): void {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }

  closePlane(): Promise<void> {
    this.#planeClosed ??= this.plane.close();
    return this.#planeClosed;
  }

  /** Whatever a test did: the end of each connection is told once, and none is left. */
  async close(): Promise<void> {
    this.closeClients();
    await this.upstream.close();
    await this.closePlane();
    assert.equal(this.plane.connectionCount, 0);
    assert.deepEqual([...this.plane.connections()], []);
    const counts = [...this.policy.endingCounts.values()];
    assert.ok(
      counts.every((count) => count === 1),
      `ended is told ${counts} times`,
    );
  }
}

export interface FactOptions extends RigOptions {
  readonly timeoutMs?: number;
  readonly needsIpv6?: true;
  /** Why the fact does not apply here. */
  readonly skip?: string | false;
}

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

/** A test with a rig of its own, bounded in time. */
export function fact(
  makePlane: MakePlane,
  sentence: string,
  body: (rig: Rig) => Promise<void>,
  { timeoutMs = 20_000, needsIpv6, skip = false, ...options }: FactOptions = {},
): void {
  const reason = needsIpv6 && !hasIpv6 ? 'this machine has no IPv6 loopback address' : skip;
  it(sentence, { timeout: timeoutMs, skip: reason }, async () => {
    const rig = await Rig.open(makePlane, options);
    try {
      await body(rig);
    } finally {
      await rig.close();
    }
  });
}

export async function expectForwards({ client, upstream }: Forwarded): Promise<void> {
  await client.send(payload(100));
  assert.deepEqual(await upstream.receive(100), payload(100));
  await upstream.send(payload(100));
  assert.deepEqual(await client.receive(100), payload(100));
}
