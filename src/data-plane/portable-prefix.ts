import { decodeProxyHeader } from '../proxy-protocol/decode.ts';
import type { ProxyHeader } from '../proxy-protocol/proxy-header.ts';
import { tlsAlert } from '../tls/alert.ts';
import { ClientHello } from '../tls/client-hello.ts';
import { helloFact, helloStatus } from '../tls/hello-facts.ts';
import { HelloScanner } from '../tls/hello-scanner.ts';
import type { Reject } from './data-plane.ts';

/** What a connection starts with. */
export type Prefix =
  /** The first byte (`hello` undefined) or the whole ClientHello has arrived; more may have come with it. */
  | { readonly kind: 'complete'; readonly hello: ClientHello | undefined }
  | { readonly kind: 'refused'; readonly reject: Reject };

const noBytes = Buffer.alloc(0);
const badProxyHeader: Prefix = refusal('close', 'bad_proxy_header');
const malformedHello: Prefix = refusal({ alert: tlsAlert.decode_error }, 'malformed_hello');
const helloTooLarge: Prefix = refusal({ alert: tlsAlert.record_overflow }, 'hello_too_large');

/** Memory outside of V8's heap, which is dear to set apart: a scanner that is done goes to the next connection. */
const spareScanners: HelloScanner[] = [];
const maxSpareScanners = 64;

/** Collects a connection's first bytes until they say what is to be done with it. */
export class PrefixReader {
  readonly #maxHelloBytes: number;
  #scanner: HelloScanner | undefined;
  #expectsProxyHeader: boolean;
  #proxyHeader: ProxyHeader | undefined;
  /** What is collected is its first `#length` bytes; the rest is room for more. */
  #buffer: Buffer = noBytes;
  #length = 0;
  /** How many bytes there must be before another look can tell more. */
  #neededBytes = 1;

  constructor(maxHelloBytes: number, expectsProxyHeader: boolean) {
    this.#maxHelloBytes = maxHelloBytes;
    this.#expectsProxyHeader = expectsProxyHeader;
  }

  get proxyHeader(): ProxyHeader | undefined {
    return this.#proxyHeader;
  }

  /** All that came after a PROXY header. */
  get bytes(): Buffer {
    const buffer = this.#buffer;
    return buffer.length === this.#length ? buffer : buffer.subarray(0, this.#length);
  }

  /** The length of `bytes`; 0 while a PROXY header is still expected. */
  get receivedBytes(): number {
    return this.#expectsProxyHeader ? 0 : this.#length;
  }

  /** Takes the next bytes, which stay the reader's; undefined asks for more. */
  push(chunk: Buffer): Prefix | undefined {
    this.append(chunk);
    if (this.#length < this.#neededBytes) return undefined;
    if (!this.#expectsProxyHeader) return this.#scan();

    const header = decodeProxyHeader(this.bytes);
    if (header.kind === 'malformed') return badProxyHeader;
    if (header.kind === 'incomplete') {
      this.#neededBytes = header.neededBytes;
      return undefined;
    }
    this.#proxyHeader = header;
    this.#expectsProxyHeader = false;
    this.#buffer = this.#buffer.subarray(header.bytes);
    this.#length -= header.bytes;
    this.#neededBytes = 1;
    return this.#length === 0 ? undefined : this.#scan();
  }

  /** The hello of a complete prefix has been used, and is no longer valid. */
  forgetHello(): void {
    const scanner = this.#scanner;
    if (scanner === undefined) return;
    this.#scanner = undefined;
    scanner.reset();
    if (spareScanners.length < maxSpareScanners) spareScanners.push(scanner);
  }

  #scan(): Prefix | undefined {
    this.#scanner ??= scannerFor(this.#maxHelloBytes);
    const scanner = this.#scanner;
    switch (scanner.scan(this.bytes)) {
      case helloStatus.complete:
        return { kind: 'complete', hello: new ClientHello(scanner.message, scanner.facts) };
      case helloStatus.incomplete:
        this.#neededBytes = scanner.facts[helloFact.neededBytes] ?? 1;
        return undefined;
      case helloStatus.notTls:
        return { kind: 'complete', hello: undefined };
      case helloStatus.malformed:
        return malformedHello;
      case helloStatus.tooLarge:
        return helloTooLarge;
    }
  }

  /** Most hellos are one chunk, taken as it is; from the second on the buffer doubles. */
  append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#buffer = chunk;
    } else {
      if (length > this.#buffer.length) this.#grow(2 * length);
      this.#buffer.set(chunk, this.#length);
    }
    this.#length = length;
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafe(size);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

function scannerFor(maxHelloBytes: number): HelloScanner {
  const spare = spareScanners.pop();
  spare?.reset(maxHelloBytes);
  return spare ?? new HelloScanner(maxHelloBytes);
}

function refusal(how: Reject['how'], outcome: Reject['outcome']): Prefix {
  return { kind: 'refused', reject: { kind: 'reject', how, outcome } };
}
