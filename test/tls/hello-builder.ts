/** Numbers and lists of a ClientHello to build. Whatever is left out is what a plain TLS 1.3 client sends. */
export interface HelloOptions {
  /** host_name of the server_name extension; undefined leaves the extension out. */
  readonly serverName?: string | undefined;
  /** Protocols in order; empty or undefined leaves the extension out. */
  readonly alpn?: readonly string[] | undefined;
  readonly legacyVersion?: number;
  /** supported_versions; empty leaves the extension out [0x0304, 0x0303]. */
  readonly versions?: readonly number[];
  readonly cipherSuites?: readonly number[];
  /** supported_groups; empty leaves the extension out [x25519, secp256r1]. */
  readonly groups?: readonly number[];
  /** key_share: a group and its key's length each; empty leaves the extension out [x25519, 32 bytes]. */
  readonly keyShares?: readonly (readonly [group: number, keyBytes: number])[];
  readonly signatureAlgorithms?: readonly number[];
  readonly sessionIdBytes?: number;
  /** Sent after the ones above, in this order. */
  readonly extensions?: readonly HelloExtension[];
  /** `false` leaves the extensions block out altogether, whatever else was asked for. */
  readonly withExtensions?: false;
  /** Adds a padding extension so that the whole hello, in one record, is this long on the wire. */
  readonly wireBytes?: number;
  /** The version in the record header [0x0301]. */
  readonly recordVersion?: number;
}

export interface HelloExtension {
  readonly type: number;
  readonly data: Uint8Array;
}

const maxRecordBytes = 16384;
const paddingExtension = 21;

/** A ClientHello as it goes on the wire: in one record, or in as many full ones as its length needs. */
export function buildHello(options: HelloOptions = {}): Uint8Array {
  const unpadded = toRecords(buildMessage(options, []), options.recordVersion);
  if (options.wireBytes === undefined) return unpadded;
  const paddingBytes = paddingFor(buildMessage(options, []).length, options.wireBytes);
  const padding = { type: paddingExtension, data: new Uint8Array(paddingBytes) };
  return toRecords(buildMessage(options, [padding]), options.recordVersion);
}

/** The handshake message alone: type, length, body. */
export function buildMessage(options: HelloOptions, trailing: readonly HelloExtension[] = []): Uint8Array {
  const extensions = [...standardExtensions(options), ...(options.extensions ?? []), ...trailing];
  const body = concat([
    uint16(options.legacyVersion ?? 0x0303),
    filled(32, 0x5a),
    vector8(filled(options.sessionIdBytes ?? 32, 0x11)),
    vector16(uint16s(options.cipherSuites ?? [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f])),
    vector8(Uint8Array.of(0)),
    options.withExtensions === false ? new Uint8Array(0) : vector16(concat(extensions.map(encodeExtension))),
  ]);
  return concat([Uint8Array.of(1), uint24(body.length), body]);
}

/**
 * The same hello in records of the given payload sizes; what is left over goes into a last one. Takes what
 * `buildHello` gives, or a captured flight that is nothing but handshake records.
 */
export function splitIntoRecords(hello: Uint8Array, sizes: Iterable<number>): Uint8Array {
  const message = handshakeBytes(hello);
  const version = (hello[1] ?? 3) * 256 + (hello[2] ?? 1);
  const records: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= message.length) break;
    records.push(record(message.subarray(at, at + size), version));
    at += size;
  }
  for (; at < message.length; at += maxRecordBytes) {
    records.push(record(message.subarray(at, at + maxRecordBytes), version));
  }
  return concat(records);
}

/** The same hello in one-byte records: six times its message on the wire. */
export function splitIntoBytes(hello: Uint8Array): Uint8Array {
  return splitIntoRecords(hello, new Array<number>(handshakeBytes(hello).length).fill(1));
}

/** What the records carry, without their headers. */
export function handshakeBytes(flight: Uint8Array): Uint8Array {
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < flight.length; ) {
    const length = (flight[at + 3] ?? 0) * 256 + (flight[at + 4] ?? 0);
    payloads.push(flight.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return concat(payloads);
}

export function serverNameExtension(
  ...names: readonly (readonly [type: number, name: string])[]
): HelloExtension {
  const list = names.map(([type, name]) => concat([Uint8Array.of(type), vector16(latin1(name))]));
  return { type: 0, data: vector16(concat(list)) };
}

export function alpnExtension(protocols: readonly string[]): HelloExtension {
  return { type: 16, data: vector16(concat(protocols.map((protocol) => vector8(latin1(protocol))))) };
}

export function keyShareExtension(
  shares: readonly (readonly [group: number, keyBytes: number])[],
): HelloExtension {
  const list = shares.map(([group, keyBytes]) => concat([uint16(group), vector16(filled(keyBytes, 0x77))]));
  return { type: 51, data: vector16(concat(list)) };
}

/** One record; the payload is not checked. */
export function record(payload: Uint8Array, version = 0x0301, type = 22): Uint8Array {
  return concat([Uint8Array.of(type), uint16(version), vector16(payload)]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

function standardExtensions(options: HelloOptions): HelloExtension[] {
  const groups = options.groups ?? [0x001d, 0x0017];
  const signatureAlgorithms = options.signatureAlgorithms ?? [0x0403, 0x0804, 0x0401];
  const alpn = options.alpn ?? [];
  const versions = options.versions ?? [0x0304, 0x0303];
  const keyShares = options.keyShares ?? [[0x001d, 32] as const];
  const extensions: HelloExtension[] = [];
  if (options.serverName !== undefined) extensions.push(serverNameExtension([0, options.serverName]));
  if (groups.length > 0) extensions.push({ type: 10, data: vector16(uint16s(groups)) });
  if (signatureAlgorithms.length > 0) {
    extensions.push({ type: 13, data: vector16(uint16s(signatureAlgorithms)) });
  }
  if (alpn.length > 0) extensions.push(alpnExtension(alpn));
  if (versions.length > 0) extensions.push({ type: 43, data: vector8(uint16s(versions)) });
  if (keyShares.length > 0) extensions.push(keyShareExtension(keyShares));
  return extensions;
}

/** How long the padding's data must be for a message of `messageBytes` to come to `wireBytes` on the wire. */
function paddingFor(messageBytes: number, wireBytes: number): number {
  const paddedBytes = wireBytes - 5 * Math.ceil(wireBytes / (maxRecordBytes + 5));
  const paddingBytes = paddedBytes - messageBytes - 4;
  if (paddingBytes < 0 || toRecords(new Uint8Array(paddedBytes)).length !== wireBytes) {
    throw new RangeError(`a hello with a message of ${messageBytes} bytes cannot be padded to ${wireBytes}`);
  }
  return paddingBytes;
}

function toRecords(message: Uint8Array, version = 0x0301): Uint8Array {
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += maxRecordBytes) {
    records.push(record(message.subarray(at, at + maxRecordBytes), version));
  }
  return concat(records);
}

function encodeExtension({ type, data }: HelloExtension): Uint8Array {
  return concat([uint16(type), vector16(data)]);
}

function uint16s(values: readonly number[]): Uint8Array {
  return concat(values.map(uint16));
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function uint24(value: number): Uint8Array {
  return Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff);
}

function vector8(bytes: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(bytes.length), bytes]);
}

function vector16(bytes: Uint8Array): Uint8Array {
  return concat([uint16(bytes.length), bytes]);
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}
