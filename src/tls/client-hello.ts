import { helloFact } from './hello-facts.ts';

/** A scanned ClientHello: the handshake message and where things are in it. Everything is decoded when asked for. */
export class ClientHello {
  /** The handshake message, type byte first, as one piece; may be longer than the message. */
  readonly message: Uint8Array;
  readonly facts: Int32Array;

  constructor(message: Uint8Array, facts: Int32Array) {
    this.message = message;
    this.facts = facts;
  }

  /** The SNI host name as sent (one character a byte), undefined where there is none. */
  get serverName(): string | undefined {
    return this.#text(this.facts[helloFact.serverNameOffset], this.facts[helloFact.serverNameLength]);
  }

  #text(offset = -1, length = 0): string | undefined {
    if (offset < 0) return undefined;
    return String.fromCharCode(...this.message.subarray(offset, offset + length));
  }
}
