import type { UpstreamSnapshot } from '../config/snapshot.ts';
import { NameResolver } from '../upstream/dns/name-resolver.ts';
import type { SharedCount } from '../upstream/limits/shared-count.ts';
import { type OwnListener, OwnListeners } from '../upstream/own-listeners.ts';
import type { WorkerSlot } from '../upstream/worker-slot.ts';
import { ServerNameTargets } from './server-name-targets.ts';
import { createUpstreamEntry, type UpstreamEntry } from './upstream-entry.ts';

/** What an upstream's connections are counted in together with the other workers, where there is such a thing. */
export type UpstreamCounts = (upstream: string) => SharedCount | undefined;

/** The upstreams of one worker, by name. A removed one that has connections is the same again when its name comes back. */
export class UpstreamEntries {
  readonly #worker: WorkerSlot;
  // An answer that is no longer good is not used: what is dialled must be what was checked and holds.
  readonly #names = new NameResolver({ keepOnFailure: false, maxEntries: 20_000 });
  #current: ReadonlyMap<string, UpstreamEntry> = new Map();
  #removed: ReadonlyMap<string, UpstreamEntry> = new Map();

  constructor(worker: WorkerSlot) {
    this.#worker = worker;
  }

  /** Also one that was just removed: a connection may still be decided about by the rules from before. */
  get(name: string): UpstreamEntry | undefined {
    return this.#current.get(name) ?? this.#removed.get(name);
  }

  /** Those that are configured, and removed ones that still have connections. */
  *all(): Iterable<UpstreamEntry> {
    yield* this.#current.values();
    for (const entry of this.#removed.values()) if (entry.upstream.connections > 0) yield entry;
  }

  /** `bound`: the sockets of this proxy, which it must never dial itself. */
  configure(
    upstreams: readonly UpstreamSnapshot[],
    bound: readonly OwnListener[],
    counts: UpstreamCounts,
  ): void {
    const busy = [...this.#removed].filter(([, { upstream }]) => upstream.connections > 0);
    const before = new Map([...busy, ...this.#current]);
    const ownListeners = new OwnListeners(bound);
    this.#current = new Map(
      upstreams.map((settings) => [
        settings.name,
        createUpstreamEntry(
          settings,
          before.get(settings.name),
          this.#worker,
          (each) => new ServerNameTargets(each, this.#names, ownListeners),
        ),
      ]),
    );
    this.#removed = new Map([...before].filter(([name]) => !this.#current.has(name)));
    for (const [name, { upstream }] of this.#current) upstream.countIn(counts(name));
    // What they count in may become another's.
    for (const { upstream } of this.#removed.values()) upstream.countIn(undefined);
  }
}
