import { endpointKey } from '../endpoint.ts';
import { Slots } from '../slots.ts';
import { type ProbeReport, ProbeSchedule, type ProbeTarget } from './probe-schedule.ts';

export interface HealthChange {
  readonly target: ProbeTarget;
  /** Its `state` is another than before; its `why` says what made it so. */
  readonly report: ProbeReport;
}

/** A hanging endpoint holds a place for its whole timeout, so there must be more of these than may well hang. */
const defaultMaxConcurrent = 256;

/** Probes a set of endpoints, each once per distinct settings, however many upstreams ask for it. */
export class HealthProber {
  readonly #changed: (change: HealthChange) => void;
  readonly #slots: Slots;
  #schedules: ReadonlyMap<string, ProbeSchedule> = new Map();

  /** `changed` is told of every change of state, once, and never from within a call to this object. */
  constructor(changed: (change: HealthChange) => void, maxConcurrent = defaultMaxConcurrent) {
    this.#changed = changed;
    this.#slots = new Slots(maxConcurrent);
  }

  /**
   * Probes these and no others from here on. A target that was there before goes on as it was; one whose settings
   * changed starts from what the old ones had found.
   */
  setTargets(targets: Iterable<ProbeTarget>): void {
    const before = this.#schedules;
    const predecessors = new Map(
      [...before.values()].map((schedule) => [endpointKey(schedule.target.endpoint), schedule]),
    );
    const schedules = new Map<string, ProbeSchedule>();
    for (const target of targets) {
      const key = targetKey(target);
      if (!schedules.has(key)) {
        const predecessor = predecessors.get(endpointKey(target.endpoint));
        schedules.set(key, before.get(key) ?? this.#start(target, predecessor));
      }
    }
    for (const [key, schedule] of before) {
      if (!schedules.has(key)) {
        schedule.stop();
      }
    }
    this.#schedules = schedules;
  }

  /** undefined for what is not a target. */
  report(target: ProbeTarget): ProbeReport | undefined {
    return this.#schedules.get(targetKey(target))?.report;
  }

  /** Stops all probes: no timer and no socket is left, and nothing more is told. */
  close(): void {
    this.setTargets([]);
  }

  #start(target: ProbeTarget, predecessor: ProbeSchedule | undefined): ProbeSchedule {
    return new ProbeSchedule(target, predecessor, this.#slots, ({ report }) =>
      this.#changed({ target, report }),
    );
  }
}

/** Equal for targets that one schedule serves. */
function targetKey({ endpoint, settings }: ProbeTarget): string {
  const { probe, intervalMs, timeoutMs, healthyAfter, unhealthyAfter, serverName = '' } = settings;
  const key = [endpointKey(endpoint), probe, intervalMs, timeoutMs, healthyAfter, unhealthyAfter];
  return [...key, probe === 'tls' ? serverName : ''].join(' ');
}
