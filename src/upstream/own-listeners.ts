import { networkInterfaces } from 'node:os';
import type { DialAddress } from '../data-plane/data-plane.ts';
import { canonicalAddress } from './dns/canonical-address.ts';

/** A socket this proxy listens on, as it was bound. */
export interface OwnListener {
  /** undefined, `::` or `0.0.0.0`: every address of this machine. */
  readonly address: string | undefined;
  readonly port: number;
}

const addressesKnownForMs = 5000;

/**
 * Tells which addresses lead back to this proxy, so that it never dials itself. An address that only a translator
 * in front of this machine turns into one of ours cannot be known here.
 */
export class OwnListeners {
  readonly #listeners: readonly { readonly address: string | undefined; readonly port: number }[];
  readonly #interfaceAddresses: () => readonly string[];
  #machine: ReadonlySet<string> = new Set();
  #machineKnownUntilMs = Number.NEGATIVE_INFINITY;

  constructor(listeners: readonly OwnListener[], interfaceAddresses = addressesOfInterfaces) {
    this.#listeners = listeners.map(({ address, port }) => ({ address: specificAddress(address), port }));
    this.#interfaceAddresses = interfaceAddresses;
  }

  includes({ address, port }: DialAddress): boolean {
    return this.#listeners.some(
      (listener) =>
        listener.port === port &&
        (listener.address === undefined
          ? this.#isThisMachine(address)
          : listener.address === address ||
            (isUnspecified(address) && this.#isThisMachine(listener.address))),
    );
  }

  /** Linux delivers all of 127.0.0.0/8, and what is sent to the unspecified address, to itself. */
  #isThisMachine(address: string): boolean {
    const nowMs = performance.now();
    if (nowMs >= this.#machineKnownUntilMs) {
      this.#machine = new Set(this.#interfaceAddresses());
      this.#machineKnownUntilMs = nowMs + addressesKnownForMs;
    }
    return (
      this.#machine.has(address) || address.startsWith('127.') || address === '::1' || isUnspecified(address)
    );
  }
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Canonical; undefined for every address. A name is compared as it is, and so never found. */
function specificAddress(address: string | undefined): string | undefined {
  return address === undefined || isUnspecified(address)
    ? undefined
    : (canonicalAddress(address)?.address ?? address);
}

function addressesOfInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ address }) => canonicalAddress(address)?.address ?? []),
  );
}
