import type { PackedRoutes } from '../routing/packed-routes.ts';
import type { RoutesPart } from './messages.ts';

/** Puts a snapshot's routes together from the parts they come in. */
export class ReceivedRoutes {
  #routes: Uint8Array = new Uint8Array();
  #received = 0;

  /** Parts come in order; the first begins anew. */
  add({ offset, totalBytes, bytes }: RoutesPart): void {
    if (offset === 0) this.#routes = new Uint8Array(totalBytes);
    this.#routes.set(bytes, offset);
    this.#received = offset + bytes.length;
  }

  /** Hands them out, once. Throws where a part is missing. */
  take(): PackedRoutes {
    const routes = this.#routes;
    const isWhole = this.#received === routes.length && routes.length > 0;
    this.#routes = new Uint8Array();
    this.#received = 0;
    if (!isWhole) throw new Error('the routes of the configuration have not all come');
    return { bytes: routes };
  }
}
