import { collectDefaultMetrics, Registry } from 'prom-client';

/** What prom-client measures of this process: memory, processor time, its event loop. Starts measuring at once. */
export class ProcessMetrics {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** In the Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
