import type { PassiveHealthSnapshot } from '../config/snapshot.ts';

/** An ejection lasts at most this many times `ejectForMs`, however often the endpoint fails. */
const longestEjection = 10;

/** What is remembered of one endpoint. */
interface History {
  /** The latest failures with no success since; no more than it takes to eject. */
  failedAtMs: number[];
  /** Ejections in a row when the last one began. */
  ejections: number;
  /** When the last ejection was or will be over. */
  ejectedUntilMs: number;
}

/**
 * Passive health: decides from real traffic which endpoints are ejected, and for how long.
 *
 * An endpoint is ejected when it fails `failures` times within `windowMs` with no success in between (as Envoy and
 * HAProxy count): a busy endpoint that now and then loses a connection stays, and so does one that a few hostile
 * clients provoke. The ejection lasts `ejectForMs` times the number of ejections in a row, at most tenfold; for
 * every `ejectForMs` back in service one is forgiven. At most `maxEjectedShare` of the endpoints are ejected at
 * once, rounded down: half of one endpoint is none.
 *
 * It knows endpoints by key only, so that it runs as well in a worker, which reacts at once to what it sees itself,
 * as in the supervisor over what all workers report, which gives one truth for everybody.
 */
export class OutlierDetection {
  #settings: PassiveHealthSnapshot;
  #histories = new Map<string, History>();
  readonly #ejected = new Set<string>();
  #nextDueMs = Number.POSITIVE_INFINITY;

  constructor(settings: PassiveHealthSnapshot) {
    this.#settings = settings;
  }

  /** When the next ejection is over; Infinity when nothing is ejected. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }

  /** Ejections that have begun keep their end. */
  configure(settings: PassiveHealthSnapshot): void {
    this.#settings = settings;
  }

  /** The endpoints there are. What was known of others is forgotten. */
  setEndpoints(keys: Iterable<string>): void {
    const before = this.#histories;
    this.#histories = new Map();
    for (const key of keys) {
      this.#histories.set(key, before.get(key) ?? { failedAtMs: [], ejections: 0, ejectedUntilMs: 0 });
    }
    for (const key of this.#ejected) if (!this.#histories.has(key)) this.#ejected.delete(key);
    this.#reckonNextDue();
  }

  isEjected(key: string): boolean {
    return this.#ejected.has(key);
  }

  /**
   * A dial failed, or a connection died before the upstream's first byte. If this ejects the endpoint, returns why.
   * `ejectedByOthers`: how many more endpoints somebody else has ejected; they count towards `maxEjectedShare`.
   */
  failure(key: string, nowMs: number, ejectedByOthers = 0): string | undefined {
    const history = this.#histories.get(key);
    // What fails after the ejection was dialled before it, or is dialled because nothing better is left.
    if (history === undefined || this.#ejected.has(key)) return undefined;
    const { failures, windowMs } = this.#settings;
    const recent = history.failedAtMs.filter((failedAtMs) => failedAtMs > nowMs - windowMs);
    history.failedAtMs = [...recent, nowMs].slice(-failures);
    if (history.failedAtMs.length < failures || !this.#mayEjectAnother(ejectedByOthers)) return undefined;
    this.#eject(key, history, nowMs);
    return `${failures} failures within ${windowMs / 1000} s`;
  }

  /** A connection has had an answer from the endpoint. */
  success(key: string): void {
    const history = this.#histories.get(key);
    if (history !== undefined && history.failedAtMs.length > 0) history.failedAtMs = [];
  }

  /** Ends the ejections that are over and returns their keys. */
  due(nowMs: number): readonly string[] {
    if (nowMs < this.#nextDueMs) return [];
    const over = [...this.#ejected].filter((key) => this.#ejectedUntilMs(key) <= nowMs);
    for (const key of over) this.#ejected.delete(key);
    this.#reckonNextDue();
    return over;
  }

  #eject(key: string, history: History, nowMs: number): void {
    const { ejectForMs } = this.#settings;
    const forgiven = Math.floor((nowMs - history.ejectedUntilMs) / ejectForMs);
    history.ejections = Math.min(Math.max(history.ejections - forgiven, 0) + 1, longestEjection);
    history.ejectedUntilMs = nowMs + ejectForMs * history.ejections;
    history.failedAtMs = [];
    this.#ejected.add(key);
    this.#nextDueMs = Math.min(this.#nextDueMs, history.ejectedUntilMs);
  }

  #mayEjectAnother(ejectedByOthers: number): boolean {
    // The addend keeps 0.29 × 100 at 29, which floating point makes a hair less.
    const most = Math.floor(this.#settings.maxEjectedShare * this.#histories.size + 1e-9);
    return this.#ejected.size + ejectedByOthers < most;
  }

  #ejectedUntilMs(key: string): number {
    return this.#histories.get(key)?.ejectedUntilMs ?? 0;
  }

  #reckonNextDue(): void {
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    for (const key of this.#ejected) this.#nextDueMs = Math.min(this.#nextDueMs, this.#ejectedUntilMs(key));
  }
}
