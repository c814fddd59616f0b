import type { ListenerSnapshot } from '../../config/snapshot.ts';
import type { SharedPorts } from '../../data-plane/load-plane.ts';
import { BoundSocket } from '../bound-socket.ts';
import { ListeningSockets, type OpenListener } from '../listening-sockets.ts';
import {
  type ActivatedDescriptor,
  activatedDescriptors,
  type InheritedSockets,
  matchActivated,
} from './activated-sockets.ts';
import { type Handover, handover, handoverVariable } from './messages.ts';
import { Predecessor } from './predecessor.ts';

/** What this process was given at its start: listening sockets, of a proxy whose place it takes or of systemd. */
export class Inheritance {
  readonly predecessor: Predecessor | undefined;
  readonly #handover: Handover | undefined;
  readonly #activated: readonly ActivatedDescriptor[];
  readonly #descriptors = new Map<BoundSocket, number>();

  private constructor(handover: Handover | undefined, activated: readonly ActivatedDescriptor[]) {
    this.#handover = handover;
    this.#activated = activated;
    this.predecessor = handover && new Predecessor();
  }

  /** Takes it out of the environment, so that no child believes that it was given it. Throws where it makes no sense. */
  static take(env: NodeJS.ProcessEnv = process.env): Inheritance {
    const { [handoverVariable]: text, ...activation } = env;
    const activated = activatedDescriptors(activation, process.pid);
    for (const name of [handoverVariable, 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
    return new Inheritance(text === undefined ? undefined : handover.parse(JSON.parse(text)), activated);
  }

  /** Nothing. */
  static none(): Inheritance {
    return new Inheritance(undefined, []);
  }

  /** How often the program has been replaced while it served. */
  get generation(): number {
    return this.#handover?.generation ?? 0;
  }

  /** The sockets, for the listeners that they belong to. Without the addon nobody knows whether one listens. */
  async sockets(
    listeners: readonly ListenerSnapshot[],
    ports: SharedPorts | undefined,
  ): Promise<InheritedSockets> {
    if (this.#handover === undefined) return matchActivated(this.#activated, listeners, ports);
    const sockets = ListeningSockets.of(this.#handover.listeners.map((listener) => this.#adopt(listener)));
    return { ok: true, sockets };
  }

  /** Those that were given for these sockets, as they were numbered then. */
  descriptorsOf(sockets: ListeningSockets): number[] {
    return [...sockets.all()].flatMap((socket) => this.#descriptors.get(socket) ?? []);
  }

  #adopt({ name, host, port, isActivated, descriptors }: Handover['listeners'][number]): OpenListener {
    const sockets = descriptors.map((fd) => {
      const socket = BoundSocket.inherit(fd, isActivated ? 'service-manager' : 'predecessor');
      this.#descriptors.set(socket, fd);
      return socket;
    });
    return { listener: { name, host: host ?? undefined, port }, sockets };
  }
}
