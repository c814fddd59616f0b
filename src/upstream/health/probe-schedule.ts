import { setMaxListeners } from 'node:events';
import type { ActiveHealthSnapshot } from '../../config/snapshot.ts';
import type { DialAddress } from '../../data-plane/data-plane.ts';
import type { Slots } from '../slots.ts';
import { countResult, type HealthCount, unproven } from './health-count.ts';
import type { Probe, ProbeResult, ShownByTls } from './probe.ts';
import { probeTcp } from './tcp-probe.ts';
import { probeTls } from './tls-probe.ts';

/** An endpoint and how it is probed. */
export interface ProbeTarget {
  readonly endpoint: DialAddress;
  readonly settings: ActiveHealthSnapshot;
}

export interface ProbeReport {
  readonly state: 'up' | 'down';
  /** What made it so; empty before the first result. */
  readonly why: string;
  readonly lastProbe: LastProbe | undefined;
  /** What the last handshake that got so far showed. */
  readonly shown: ShownByTls | undefined;
}

export interface LastProbe {
  /** When it ended, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly result: ProbeResult['kind'];
  readonly why: string;
}

const probes: Readonly<Record<ActiveHealthSnapshot['probe'], Probe>> = { tcp: probeTcp, tls: probeTls };
/** Intervals vary by this share either way, so that endpoints configured together are not probed together. */
const intervalJitter = 0.1;

/** Probes one target over and over: at once, then at its interval, never again before the last probe has ended. */
export class ProbeSchedule {
  readonly target: ProbeTarget;
  readonly #slots: Slots;
  readonly #changed: (schedule: ProbeSchedule) => void;
  readonly #stopping = new AbortController();
  #count: HealthCount;
  #report: ProbeReport;
  #timer: NodeJS.Timeout | undefined;

  /** `predecessor` probed the same endpoint in another way: what it found and counted goes on. */
  constructor(
    target: ProbeTarget,
    predecessor: ProbeSchedule | undefined,
    slots: Slots,
    changed: (schedule: ProbeSchedule) => void,
  ) {
    this.target = target;
    this.#slots = slots;
    this.#changed = changed;
    this.#count = predecessor === undefined ? unproven : predecessor.#count;
    this.#report = predecessor?.report ?? {
      state: unproven.state,
      why: '',
      lastProbe: undefined,
      shown: undefined,
    };
    setMaxListeners(0, this.#stopping.signal);
    void this.#probe();
  }

  get report(): ProbeReport {
    return this.#report;
  }

  /** No socket, timer or event of it is left. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopping.abort();
  }

  async #probe(): Promise<void> {
    const durationMs = await this.#slots.run(() => this.#probeNow());
    const { signal } = this.#stopping;
    if (!signal.aborted) {
      const intervalMs = this.target.settings.intervalMs * (1 + intervalJitter * (2 * Math.random() - 1));
      this.#timer = setTimeout(() => void this.#probe(), Math.max(0, intervalMs - durationMs));
    }
  }

  async #probeNow(): Promise<number> {
    const { endpoint, settings } = this.target;
    const { signal } = this.#stopping;
    if (signal.aborted) {
      return 0;
    }
    const startedAtMs = performance.now();
    const result = await probes[settings.probe](endpoint, settings, signal);
    const durationMs = performance.now() - startedAtMs;
    if (!signal.aborted) {
      this.#take(result, durationMs);
    }
    return durationMs;
  }

  #take(result: ProbeResult, durationMs: number): void {
    const before = this.#report;
    const { kind, why } = result;
    if (kind !== 'inconclusive') {
      this.#count = countResult(this.#count, kind === 'passed', this.target.settings);
    }
    const { state } = this.#count;
    const speaksForState = kind === (state === 'up' ? 'passed' : 'failed');
    this.#report = {
      state,
      why: speaksForState ? why : before.why,
      lastProbe: { atMs: Date.now(), durationMs, result: kind, why },
      shown: (kind === 'passed' ? result.shown : undefined) ?? before.shown,
    };
    if (state !== before.state) {
      this.#changed(this);
    }
  }
}
