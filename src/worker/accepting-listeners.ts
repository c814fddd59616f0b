import { isDeepStrictEqual } from 'node:util';

import type { ListenerSnapshot, Snapshot } from '../config/snapshot.ts';
import type { DataPlane, ListeningHandle, PlaneListener } from '../data-plane/data-plane.ts';
import { StandingIn } from './standing-in.ts';

/** The listeners that one worker accepts from, by name, and the sockets that it has been sent for those to come. */
export class AcceptingListeners {
  readonly #plane: DataPlane;
  #accepting: ReadonlyMap<string, Accepting> = new Map();
  readonly #sockets = new Map<string, ListeningHandle>();
  readonly #standingIn: StandingIn;

  constructor(plane: DataPlane) {
    this.#plane = plane;
    this.#standingIn = new StandingIn(plane);
  }

  /** A socket for the listener of this name; it is owned from here on. */
  take(listener: string, socket: ListeningHandle): void {
    this.#sockets.get(listener)?.close();
    this.#sockets.set(listener, socket);
  }

  /**
   * Accepts from what the snapshot says and from nothing else. Live connections go on. A listener whose settings change
   * accepts through its new socket before it stops doing so through the old one: they are two descriptors of the same
   * accept queue, and nobody in it is lost. Throws where that cannot be, and then all is as it was.
   */
  switchTo(snapshot: Snapshot): void {
    const before = this.#accepting;
    const next = new Map(
      snapshot.listeners.map((settings) => [
        settings.name,
        unchanged(before.get(settings.name), settings, snapshot) ?? accepting(settings, snapshot),
      ]),
    );
    const known = new Set(before.values());
    this.#listen([...next.values()].filter((each) => !known.has(each)));
    this.#accepting = next;
    this.#standingIn.endAll();
    const staying = new Set(next.values());
    for (const each of known) if (!staying.has(each)) this.#plane.stopListening(each.planeListener);
    this.discard();
  }

  /** Accepts from another worker's socket, too, until `standDown` or the next configuration. */
  standIn(workerIndex: number, listener: string, socket: ListeningHandle): void {
    const own = this.#accepting.get(listener)?.planeListener;
    if (own === undefined) socket.close();
    else this.#standingIn.begin(workerIndex, own, socket);
  }

  standDown(workerIndex: number): void {
    this.#standingIn.end(workerIndex);
  }

  /** Closes the sockets that have been sent and are not used. */
  discard(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  /** Accepts nothing more. */
  stop(): void {
    for (const { planeListener } of this.#accepting.values()) this.#plane.stopListening(planeListener);
    this.#accepting = new Map();
    this.#standingIn.endAll();
    this.discard();
  }

  #listen(listeners: readonly Accepting[]): void {
    const begun: PlaneListener[] = [];
    try {
      for (const { settings, planeListener } of listeners) {
        const socket = this.#sockets.get(settings.name);
        if (socket === undefined) throw new Error(`no socket arrived for listener ${settings.name}`);
        this.#plane.listen(planeListener, socket);
        // The plane's now.
        this.#sockets.delete(settings.name);
        begun.push(planeListener);
      }
    } catch (error) {
      for (const planeListener of begun) this.#plane.stopListening(planeListener);
      throw error;
    }
  }
}

interface Accepting {
  readonly settings: ListenerSnapshot;
  readonly planeListener: PlaneListener;
}

function accepting(settings: ListenerSnapshot, snapshot: Snapshot): Accepting {
  return { settings, planeListener: toPlaneListener(settings, snapshot) };
}

/** The same listener where nothing has changed that a data plane knows of it. */
function unchanged(
  before: Accepting | undefined,
  settings: ListenerSnapshot,
  snapshot: Snapshot,
): Accepting | undefined {
  const isSame =
    before?.settings.host === settings.host &&
    before?.settings.port === settings.port &&
    isDeepStrictEqual(before.planeListener, toPlaneListener(settings, snapshot));
  return isSame ? before : undefined;
}

/** The policy is asked on accept only where it may have an opinion that early. */
function toPlaneListener(listener: ListenerSnapshot, { limits }: Snapshot): PlaneListener {
  const { maxConnectionsPerSource, newConnectionsPerSource } = limits;
  return {
    name: listener.name,
    helloTimeoutMs: listener.helloTimeoutMs,
    maxHelloBytes: listener.maxHelloBytes,
    asksOnAccept:
      listener.acceptProxyFrom !== undefined ||
      maxConnectionsPerSource !== undefined ||
      newConnectionsPerSource !== undefined,
  };
}
