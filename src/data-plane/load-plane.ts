import { fileURLToPath } from 'node:url';

import nodeGypBuild from 'node-gyp-build';

import type { Snapshot } from '../config/snapshot.ts';
import type { DataPlane, Policy } from './data-plane.ts';
import type { NativeEngineAddon } from './native-addon.ts';
import { NativePlane } from './native-plane.ts';
import { PortablePlane } from './portable-plane.ts';

/** What `native/addon.cc` exports, as far as the proxy uses it. */
export interface Addon extends NativeEngineAddon, AcceptQueues, SharedPorts, SharedMemory {
  /** One datagram to a unix socket; `@NAME` is an abstract one. Never waits. */
  notifySocket(address: string, message: string): void;
}

/** Listening sockets, several of which may share a port: `native/listening_socket.h`. */
export interface SharedPorts {
  readonly openListeningSocket: OpenListeningSocket;
  /** Lets others join a socket that was alone at its port. */
  sharePort(fd: number): void;
  /** Of the sockets at its port only the first `count` that were opened get new connections from here on. */
  dealTo(fd: number, count: number): void;
  isListening(fd: number): boolean;
}

/** Memory that processes share: `native/shared_memory.h`. Both throw errors shaped like Node's system errors. */
export interface SharedMemory {
  /** All zero, as a descriptor of the caller's. */
  createSharedMemory(bytes: number): number;
  /** Does not need the descriptor any more. */
  mapSharedMemory(fd: number): ArrayBuffer;
}

/** What becomes of those who knock at a listening socket, of which any descriptor is given: `native/accept_queue.h`. */
export interface AcceptQueues {
  /** Nobody new gets into the queue, through whichever descriptor; handshakes under way complete. */
  refuseSyns(fd: number): void;
  /** Undoes that. */
  admitSyns(fd: number): void;
  /** How many wait to be accepted. */
  acceptQueueLength(fd: number): number;
}

/** A TCP socket that listens, as a descriptor of the caller's. Throws errors shaped like Node's system errors. */
export type OpenListeningSocket = (options: {
  readonly address: string;
  /** 0: the kernel picks one. */
  readonly port: number;
  readonly family: 4 | 6;
  readonly backlog: number;
  readonly ipv6Only: boolean;
  /** Several sockets on one port: the first one `joins` nothing and must have the port for itself. */
  readonly sharesPort: boolean;
  readonly joins: boolean;
}) => number;

export type LoadedAddon =
  | { readonly ok: true; readonly addon: Addon }
  | { readonly ok: false; readonly reason: string };

export type PlaneChoice =
  | {
      readonly ok: true;
      readonly kind: DataPlane['kind'];
      /** Also beside the portable plane, where it is there: it opens better listening sockets than Node.js can. */
      readonly addon: Addon | undefined;
      /** Why it is the portable plane, where that was not asked for. */
      readonly fallback: string | undefined;
    }
  | { readonly ok: false; readonly problem: string };

/** The package: two folders up from the source and from the compiled file alike. */
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Loads the addon that was built here (`build/Release`), else the one that the package brings (`prebuilds/`). */
export function loadAddon(): LoadedAddon {
  if (process.platform !== 'linux')
    return { ok: false, reason: `it is for Linux, this is ${process.platform}` };
  try {
    const addon: unknown = nodeGypBuild(packageRoot);
    return isAddon(addon) ? { ok: true, addon } : { ok: false, reason: 'it is of another version' };
  } catch (error) {
    return { ok: false, reason: whyNotLoaded(error) };
  }
}

/** The supervisor chooses once, so that all workers are of one kind. */
export function choosePlane(wanted: Snapshot['dataPlane']): PlaneChoice {
  const loaded = loadAddon();
  const addon = loaded.ok ? loaded.addon : undefined;
  if (wanted === 'portable') return { ok: true, kind: 'portable', addon, fallback: undefined };
  if (loaded.ok) return { ok: true, kind: 'native', addon, fallback: undefined };
  if (wanted === 'auto') return { ok: true, kind: 'portable', addon, fallback: `no addon: ${loaded.reason}` };
  const problem =
    `dataPlane: native is not to be had: the addon does not load: ${loaded.reason}; ` +
    'build it (npm rebuild, with a C++17 compiler and Python), or choose auto or portable';
  return { ok: false, problem };
}

/** Throws where the addon that `choosePlane` found is gone. */
export function createPlane(kind: DataPlane['kind'], policy: Policy): DataPlane {
  if (kind === 'portable') return new PortablePlane({ policy });
  const loaded = loadAddon();
  if (!loaded.ok) throw new Error(`the addon does not load: ${loaded.reason}`);
  return new NativePlane({ policy, addon: loaded.addon });
}

const addonFunctions: readonly (keyof Addon)[] = [
  'Engine',
  'openListeningSocket',
  'sharePort',
  'dealTo',
  'isListening',
  'notifySocket',
  'refuseSyns',
  'admitSyns',
  'acceptQueueLength',
  'createSharedMemory',
  'mapSharedMemory',
];

function isAddon(value: unknown): value is Addon {
  if (typeof value !== 'object' || value === null) return false;
  return addonFunctions.every((name) => typeof Reflect.get(value, name) === 'function');
}

function whyNotLoaded(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message.startsWith('No native build was found')) return 'it was not built';
  return error.message.split('\n', 1).join('');
}
