interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * One token bucket for each key, starting full. However many keys there are, at most `2 * maxKeys` buckets are kept.
 *
 * Buckets live in two generations: one that is used moves to the young one, and the old one is dropped when it has had
 * the time to fill up, which loses nothing, as a full bucket is as good as none. When the young one outgrows
 * `maxKeys` before that, the old one goes early: the keys unused for longest start afresh. That errs on the side of
 * letting in, and only helps a client that can come from `maxKeys` other addresses in between: which
 * such a limit cannot stop anyway, while refusing the unknown would lock out everybody else in such a flood.
 */
export class TokenBuckets {
  readonly #maxKeys: number;
  #burst: number;
  #perMs: number;
  #young = new Map<string, Bucket>();
  #old = new Map<string, Bucket>();
  #youngSinceMs = 0;
  #forgotten = 0;

  /** `burst` tokens to begin with and at most; `perMs` come back every millisecond. */
  constructor(burst: number, perMs: number, maxKeys: number) {
    this.#burst = burst;
    this.#perMs = perMs;
    this.#maxKeys = maxKeys;
  }

  /** How many buckets are kept. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** How many buckets had to be dropped before they were sure to be full. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Buckets keep what they hold, up to the new burst. */
  configure(burst: number, perMs: number): void {
    this.#burst = burst;
    this.#perMs = perMs;
  }

  take(key: string, nowMs: number): boolean {
    const bucket = this.#bucketOf(key, nowMs);
    bucket.tokens = Math.min(bucket.tokens + (nowMs - bucket.filledAtMs) * this.#perMs, this.#burst);
    bucket.filledAtMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #bucketOf(key: string, nowMs: number): Bucket {
    const fillMs = this.#burst / this.#perMs;
    if (nowMs - this.#youngSinceMs >= fillMs) this.#startGeneration(nowMs);
    let bucket = this.#young.get(key);
    if (bucket !== undefined) return bucket;
    if (this.#young.size >= this.#maxKeys) {
      this.#forgotten += this.#old.size;
      this.#startGeneration(nowMs);
    }
    bucket = this.#old.get(key) ?? { tokens: this.#burst, filledAtMs: nowMs };
    this.#old.delete(key);
    this.#young.set(key, bucket);
    return bucket;
  }

  #startGeneration(nowMs: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngSinceMs = nowMs;
  }
}
