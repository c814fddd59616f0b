import { EventEmitter, once } from 'node:events';
import type { DiscoveryEvent } from '../../src/upstream/dns/endpoint-discovery.ts';

type Kind = DiscoveryEvent['kind'];

/** What discoveries told, in order, for tests that wait for what comes next. */
export class DiscoveryLog {
  readonly events: DiscoveryEvent[] = [];
  readonly #emitter = new EventEmitter();
  #read = 0;

  readonly tell = (event: DiscoveryEvent): void => {
    this.events.push(event);
    this.#emitter.emit('event');
  };

  /** The next event of the kind; those before it are passed over. */
  async next<K extends Kind>(kind: K): Promise<Extract<DiscoveryEvent, { kind: K }>> {
    for (;;) {
      while (this.#read < this.events.length) {
        const event = this.events[this.#read];
        this.#read += 1;
        if (event !== undefined && isOfKind(event, kind)) {
          return event;
        }
      }
      await once(this.#emitter, 'event');
    }
  }

  /** The keys of the endpoints in the next change. */
  async nextKeys(): Promise<string[]> {
    return (await this.next('changed')).endpoints.map((endpoint) => endpoint.key);
  }
}

function isOfKind<K extends Kind>(
  event: DiscoveryEvent,
  kind: K,
): event is Extract<DiscoveryEvent, { kind: K }> {
  return event.kind === kind;
}
