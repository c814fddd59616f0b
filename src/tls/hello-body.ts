import { addFeatures, extensionBit, greaseIn, readExtension } from './hello-extensions.ts';
import { helloFact, helloFeature, type MalformedReason, malformedReason } from './hello-facts.ts';
import { isGrease, uint8At, uint16At } from './wire.ts';

const messageHeaderBytes = 4;
const randomBytes = 32;
const maxSessionIdBytes = 32;

/**
 * Reads a whole ClientHello message (type byte first, exactly its length) into cleared `facts`: everything from its
 * versions to its lists. Where the reason is another than `none`, what `facts` holds means nothing.
 */
export function readHelloBody(message: Uint8Array, facts: Int32Array): MalformedReason {
  const end = message.length;
  const sessionIdAt = messageHeaderBytes + 2 + randomBytes + 1;
  if (end < sessionIdAt) return malformedReason.truncated;
  const legacyVersion = uint16At(message, messageHeaderBytes);
  facts[helloFact.legacyVersion] = legacyVersion;
  facts[helloFact.highestVersion] = legacyVersion;

  const sessionIdLength = uint8At(message, sessionIdAt - 1);
  if (sessionIdLength > maxSessionIdBytes) return malformedReason.sessionIdLength;
  const cipherSuitesAt = sessionIdAt + sessionIdLength + 2;
  if (end < cipherSuitesAt) return malformedReason.truncated;
  const cipherSuitesLength = uint16At(message, cipherSuitesAt - 2);
  if (cipherSuitesLength === 0 || cipherSuitesLength % 2 !== 0) return malformedReason.cipherSuitesLength;
  const compressionMethodsAt = cipherSuitesAt + cipherSuitesLength + 1;
  if (end < compressionMethodsAt) return malformedReason.truncated;
  facts[helloFact.cipherSuitesOffset] = cipherSuitesAt;
  facts[helloFact.cipherSuitesLength] = cipherSuitesLength;
  facts[helloFact.features] = greaseIn(message, cipherSuitesAt, compressionMethodsAt - 1);

  const compressionMethodsLength = uint8At(message, compressionMethodsAt - 1);
  if (compressionMethodsLength === 0) return malformedReason.compressionMethodsLength;
  const extensionsAt = compressionMethodsAt + compressionMethodsLength;
  if (end < extensionsAt) return malformedReason.truncated;
  // Clients without TLS 1.3 may leave the extensions out altogether (RFC 5246 section 7.4.1.2).
  const reason = end === extensionsAt ? malformedReason.none : readExtensions(message, extensionsAt, facts);
  if (facts[helloFact.serverNameOffset] === -1) addFeatures(facts, helloFeature.noSni);
  return reason;
}

function readExtensions(message: Uint8Array, offset: number, facts: Int32Array): MalformedReason {
  const extensionsAt = offset + 2;
  if (message.length < extensionsAt) return malformedReason.extensionsLength;
  const extensionsLength = uint16At(message, offset);
  const end = extensionsAt + extensionsLength;
  if (end > message.length) return malformedReason.extensionsLength;
  if (end < message.length) return malformedReason.trailingBytes;
  facts[helloFact.extensionsOffset] = extensionsAt;
  facts[helloFact.extensionsLength] = extensionsLength;

  let seen = 0;
  for (let at = extensionsAt; at < end; ) {
    const dataAt = at + 4;
    if (dataAt > end) return malformedReason.extensionLength;
    const type = uint16At(message, at);
    const dataEnd = dataAt + uint16At(message, at + 2);
    if (dataEnd > end) return malformedReason.extensionLength;
    const bit = extensionBit(type);
    if ((seen & bit) !== 0) return malformedReason.duplicateExtension;
    seen |= bit;
    if (isGrease(type)) addFeatures(facts, helloFeature.grease);
    const reason = readExtension(type, message, dataAt, dataEnd, facts);
    if (reason !== malformedReason.none) return reason;
    at = dataEnd;
  }
  return malformedReason.none;
}
