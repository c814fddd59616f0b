export interface HelloParts {
  /** Names of type host_name in one server_name extension; absent: no such extension. */
  readonly serverNames?: readonly (string | Buffer)[];
  readonly alpn?: readonly string[];
  /** Pads the message, its four bytes of header included, to this length. */
  readonly length?: number;
  /** Extensions put after all others. */
  readonly extensions?: readonly Buffer[];
}

/** A ClientHello as a handshake message (RFC 8446 section 4.1.2), without records. */
export function helloMessage(parts: HelloParts): Buffer {
  const extensions = [
    ...(parts.serverNames === undefined ? [] : [serverNameExtension(parts.serverNames)]),
    ...(parts.alpn === undefined ? [] : [alpnExtension(parts.alpn)]),
    extension(43, sized(1, Buffer.from([3, 4, 3, 3]))),
    extension(10, sized(2, Buffer.from([0, 29]))),
    ...(parts.extensions ?? []),
  ];
  const fixed = 4 + 2 + 32 + 1 + 2 + 4 + 2 + 2;
  const length = fixed + Buffer.concat(extensions).length;
  if (parts.length !== undefined && parts.length !== length)
    extensions.push(extension(21, Buffer.alloc(parts.length - length - 4)));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 0x5a),
    sized(1, Buffer.alloc(0)),
    sized(2, Buffer.from([0x13, 1, 0x13, 2])),
    sized(1, Buffer.from([0])),
    sized(2, Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.from([1]), sized(3, body)]);
}

export function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), sized(2, content)]);
}

export function serverNameExtension(names: readonly (string | Buffer)[]): Buffer {
  const entries = names.map((name) => Buffer.concat([Buffer.from([0]), sized(2, Buffer.from(name))]));
  return extension(0, sized(2, Buffer.concat(entries)));
}

function alpnExtension(protocols: readonly string[]): Buffer {
  return extension(16, sized(2, Buffer.concat(protocols.map((protocol) => sized(1, Buffer.from(protocol))))));
}

/** One TLS record of type handshake around each fragment. */
export function records(...fragments: readonly Buffer[]): Buffer {
  return Buffer.concat(fragments.map((fragment) => record(22, fragment)));
}

export function record(type: number, fragment: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), sized(2, fragment)]);
}

/** A hello in as few records as it needs: 16,384 bytes each (RFC 8446 section 5.1). */
export function hello(serverName: string | Buffer, parts: HelloParts = {}): Buffer {
  return inRecords(helloMessage({ serverNames: [serverName], ...parts }));
}

export function inRecords(message: Buffer, size = 16_384): Buffer {
  const fragments: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) fragments.push(message.subarray(at, at + size));
  return records(...fragments);
}

/** A fatal alert in the clear, as a client that has sent only its hello gets it. */
export function fatalAlert(description: number): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, description]);
}

function sized(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}
