import type { Endpoint } from '../upstream/endpoint.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What this worker holds against an endpoint of an upstream; `why` undefined: nothing any more. */
export interface EjectionReport {
  readonly upstream: string;
  readonly endpoint: string;
  readonly why: string | undefined;
}

/** How soon the end of an ejection is noticed; asked only while there is one. */
const checkIntervalMs = 100;

/** Tells of each endpoint that this worker ejects, and again when it takes it back. */
export class EjectionReports {
  readonly #tell: (report: EjectionReport) => void;
  readonly #ejected = new Map<Endpoint, Upstream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (report: EjectionReport) => void) {
    this.#tell = tell;
  }

  began(upstream: Upstream, endpoint: Endpoint): void {
    this.#ejected.set(endpoint, upstream);
    this.#tell({ upstream: upstream.name, endpoint: endpoint.key, why: endpoint.ejectedWhy ?? '' });
    this.#timer ??= setInterval(() => this.#check(), checkIntervalMs).unref();
  }

  #check(): void {
    for (const [endpoint, upstream] of this.#ejected) {
      upstream.endDueEjections(performance.now());
      if (endpoint.ejectedWhy !== undefined) continue;
      this.#ejected.delete(endpoint);
      this.#tell({ upstream: upstream.name, endpoint: endpoint.key, why: undefined });
    }
    if (this.#ejected.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
