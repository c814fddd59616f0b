import type { DataPlane, ListeningHandle, PlaneListener } from '../data-plane/data-plane.ts';

/** What a worker accepts in place of others that are missing: from their sockets, as from its own. */
export class StandingIn {
  readonly #plane: Pick<DataPlane, 'listen' | 'stopListening'>;
  /** By listener, of each missing worker. They stay when it is back, for the next time. */
  readonly #places = new Map<number, Map<string, PlaneListener>>();
  readonly #accepting = new Set<PlaneListener>();

  constructor(plane: Pick<DataPlane, 'listen' | 'stopListening'>) {
    this.#plane = plane;
  }

  /** `own`: the listener that it is another socket of. Owns the socket from here on. */
  begin(workerIndex: number, own: PlaneListener, socket: ListeningHandle): void {
    const places = this.#places.get(workerIndex) ?? new Map<string, PlaneListener>();
    this.#places.set(workerIndex, places);
    const place = places.get(own.name) ?? { ...own };
    places.set(own.name, place);
    if (this.#accepting.delete(place)) this.#plane.stopListening(place);
    try {
      this.#plane.listen(place, socket);
      this.#accepting.add(place);
    } catch {
      // Who waits there waits for that worker, then: no reason for this one to end.
      socket.close();
    }
  }

  /** The worker is back. Who is accepted already stays here. */
  end(workerIndex: number): void {
    for (const place of this.#places.get(workerIndex)?.values() ?? []) {
      if (this.#accepting.delete(place)) this.#plane.stopListening(place);
    }
  }

  /** For everybody; listeners may be others from here on. */
  endAll(): void {
    for (const workerIndex of this.#places.keys()) this.end(workerIndex);
    this.#places.clear();
  }
}
