// Writes malformed/REASON.bin, one hello for each way to be malformed. usage: npx tsx test/vectors/hellos/make-malformed.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { malformedReason } from '../../../src/tls/hello-facts.ts';
import {
  alpnExtension,
  buildHello,
  buildMessage,
  concat,
  type HelloExtension,
  keyShareExtension,
  record,
  serverNameExtension,
  splitIntoRecords,
} from '../../tls/hello-builder.ts';

const serverName = 'shop.example.com';
/** Where the lengths are in a message without a session id and with one cipher suite. */
const sessionIdLengthAt = 38;
const cipherSuitesLengthAt = 39;
const compressionMethodsLengthAt = 43;
const extensionsLengthAt = 45;

const plain = buildMessage({ serverName, sessionIdBytes: 0, cipherSuites: [0x1301] });

/** The plain message with some bytes replaced. */
function patched(at: number, ...bytes: number[]): Uint8Array {
  const message = plain.slice();
  message.set(bytes, at);
  return record(message);
}

/** A hello that has nothing but this extension's raw data. */
function only(type: number, ...data: number[]): Uint8Array {
  return withExtensions({ type, data: Uint8Array.from(data) });
}

function withExtensions(...extensions: HelloExtension[]): Uint8Array {
  return buildHello({ versions: [], groups: [], keyShares: [], signatureAlgorithms: [], extensions });
}

/** A message whose own length is right for the bytes it was cut to or extended to. */
function resized(message: Uint8Array): Uint8Array {
  const resizedMessage = message.slice();
  resizedMessage[2] = (message.length - 4) >> 8;
  resizedMessage[3] = (message.length - 4) & 0xff;
  return record(resizedMessage);
}

const halves = [record(plain.subarray(0, 60)), record(plain.subarray(60))] as const;
const changeCipherSpec = record(Uint8Array.of(1), 0x0301, 20);

const hellos: Record<Exclude<keyof typeof malformedReason, 'none'>, Uint8Array> = {
  recordType: concat([halves[0], changeCipherSpec, halves[1]]),
  recordVersion: record(plain, 0x0201),
  emptyRecord: splitIntoRecords(record(plain), [60, 0]),
  recordLength: record(new Uint8Array(16_385).fill(1)).subarray(0, 64),
  handshakeType: patched(0, 2),
  truncated: resized(plain.subarray(0, 38)),
  sessionIdLength: patched(sessionIdLengthAt, 33),
  cipherSuitesLength: patched(cipherSuitesLengthAt, 0, 3),
  compressionMethodsLength: patched(compressionMethodsLengthAt, 0),
  extensionsLength: patched(extensionsLengthAt, 0xff, 0xff),
  trailingBytes: resized(concat([plain, Uint8Array.of(0)])),
  extensionLength: patched(extensionsLengthAt + 4, 0xff, 0xff),
  duplicateExtension: withExtensions(
    serverNameExtension([0, serverName]),
    serverNameExtension([0, serverName]),
  ),
  serverNameLength: only(0, 0, 4, 0, 0, 2, 0x61),
  emptyServerName: withExtensions(serverNameExtension([0, ''])),
  severalServerNames: withExtensions(serverNameExtension([0, serverName], [0, 'other.example.com'])),
  alpnLength: only(16, 0, 4, 2, 0x68, 0x32, 9),
  emptyAlpnName: withExtensions(alpnExtension(['h2', ''])),
  supportedVersionsLength: only(43, 3, 3, 4, 3),
  signatureAlgorithmsLength: only(13, 0, 0),
  supportedGroupsLength: only(10, 0, 3, 0, 29, 0),
  keyShareLength: withExtensions(keyShareExtension([[29, 0]])),
};

const folder = join(dirname(fileURLToPath(import.meta.url)), 'malformed');
mkdirSync(folder, { recursive: true });
for (const [reason, hello] of Object.entries(hellos)) writeFileSync(join(folder, `${reason}.bin`), hello);
