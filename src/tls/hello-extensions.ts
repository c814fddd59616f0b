import { helloFact, helloFeature, type MalformedReason, malformedReason } from './hello-facts.ts';
import { isGrease, uint8At, uint16At } from './wire.ts';

/** The extensions the scan looks into, by their registered numbers. */
export const extensionType = {
  serverName: 0,
  supportedGroups: 10,
  signatureAlgorithms: 13,
  alpn: 16,
  supportedVersions: 43,
  keyShare: 51,
  encryptedClientHello: 0xfe0d,
} as const;

const hostName = 0;
const tls13 = 0x0304;

/** One bit for each extension that may appear only once; 0 for those the scan does not look into. */
export function extensionBit(type: number): number {
  switch (type) {
    case extensionType.serverName:
      return 1;
    case extensionType.supportedGroups:
      return 2;
    case extensionType.signatureAlgorithms:
      return 4;
    case extensionType.alpn:
      return 8;
    case extensionType.supportedVersions:
      return 16;
    case extensionType.keyShare:
      return 32;
    case extensionType.encryptedClientHello:
      return 64;
    default:
      return 0;
  }
}

/** Reads one extension's data, from `offset` to `end`, into `facts`. */
export function readExtension(
  type: number,
  message: Uint8Array,
  offset: number,
  end: number,
  facts: Int32Array,
): MalformedReason {
  switch (type) {
    case extensionType.serverName:
      return readServerName(message, offset, end, facts);
    case extensionType.supportedGroups:
      return readSupportedGroups(message, offset, end, facts);
    case extensionType.signatureAlgorithms:
      return readSignatureAlgorithms(message, offset, end, facts);
    case extensionType.alpn:
      return readAlpn(message, offset, end, facts);
    case extensionType.supportedVersions:
      return readSupportedVersions(message, offset, end, facts);
    case extensionType.keyShare:
      return readKeyShare(message, offset, end, facts);
    case extensionType.encryptedClientHello:
      addFeatures(facts, helloFeature.ech);
      return malformedReason.none;
    default:
      return malformedReason.none;
  }
}

/** `helloFeature.grease` where a list of 16-bit values has one of those that RFC 8701 reserves, else 0. */
export function greaseIn(message: Uint8Array, offset: number, end: number): number {
  for (let at = offset; at < end; at += 2) {
    if (isGrease(uint16At(message, at))) return helloFeature.grease;
  }
  return 0;
}

/** ServerNameList (RFC 6066 section 3): one host_name, and names of other types, which must have the same shape. */
function readServerName(
  message: Uint8Array,
  offset: number,
  end: number,
  facts: Int32Array,
): MalformedReason {
  const listAt = offset + 2;
  if (!holdsList(message, offset, end) || listAt === end) return malformedReason.serverNameLength;
  for (let at = listAt; at < end; ) {
    const nameAt = at + 3;
    if (nameAt > end) return malformedReason.serverNameLength;
    const length = uint16At(message, at + 1);
    if (nameAt + length > end) return malformedReason.serverNameLength;
    if (uint8At(message, at) === hostName) {
      if (length === 0) return malformedReason.emptyServerName;
      if (facts[helloFact.serverNameOffset] !== -1) return malformedReason.severalServerNames;
      facts[helloFact.serverNameOffset] = nameAt;
      facts[helloFact.serverNameLength] = length;
    }
    at = nameAt + length;
  }
  return malformedReason.none;
}

/** ProtocolNameList (RFC 7301 section 3.1). */
function readAlpn(message: Uint8Array, offset: number, end: number, facts: Int32Array): MalformedReason {
  const listAt = offset + 2;
  if (!holdsList(message, offset, end) || listAt === end) return malformedReason.alpnLength;
  for (let at = listAt; at < end; ) {
    const length = uint8At(message, at);
    if (length === 0) return malformedReason.emptyAlpnName;
    if (at + 1 + length > end) return malformedReason.alpnLength;
    if (length === 2 && isGrease(uint16At(message, at + 1))) addFeatures(facts, helloFeature.grease);
    at += 1 + length;
  }
  facts[helloFact.alpnOffset] = listAt;
  facts[helloFact.alpnLength] = end - listAt;
  return malformedReason.none;
}

function readSupportedVersions(
  message: Uint8Array,
  offset: number,
  end: number,
  facts: Int32Array,
): MalformedReason {
  const listAt = offset + 1;
  const length = end - listAt;
  if (length < 2 || length % 2 !== 0 || uint8At(message, offset) !== length) {
    return malformedReason.supportedVersionsLength;
  }
  facts[helloFact.supportedVersionsOffset] = listAt;
  facts[helloFact.supportedVersionsLength] = length;
  let highest = 0;
  for (let at = listAt; at < end; at += 2) {
    const version = uint16At(message, at);
    if (version === tls13) addFeatures(facts, helloFeature.tls13);
    if (isGrease(version)) addFeatures(facts, helloFeature.grease);
    else if (version > highest) highest = version;
  }
  if (highest > 0) facts[helloFact.highestVersion] = highest;
  return malformedReason.none;
}

function readSignatureAlgorithms(
  message: Uint8Array,
  offset: number,
  end: number,
  facts: Int32Array,
): MalformedReason {
  const listAt = offset + 2;
  const length = end - listAt;
  if (!holdsList(message, offset, end) || length === 0 || length % 2 !== 0) {
    return malformedReason.signatureAlgorithmsLength;
  }
  facts[helloFact.signatureAlgorithmsOffset] = listAt;
  facts[helloFact.signatureAlgorithmsLength] = length;
  addFeatures(facts, greaseIn(message, listAt, end));
  return malformedReason.none;
}

function readSupportedGroups(
  message: Uint8Array,
  offset: number,
  end: number,
  facts: Int32Array,
): MalformedReason {
  const listAt = offset + 2;
  const length = end - listAt;
  if (!holdsList(message, offset, end) || length === 0 || length % 2 !== 0) {
    return malformedReason.supportedGroupsLength;
  }
  for (let at = listAt; at < end; at += 2) addFeatures(facts, groupFeatures(uint16At(message, at)));
  return malformedReason.none;
}

/** KeyShareClientHello (RFC 8446 section 4.2.8). No shares at all is a client asking for a HelloRetryRequest. */
function readKeyShare(message: Uint8Array, offset: number, end: number, facts: Int32Array): MalformedReason {
  if (!holdsList(message, offset, end)) return malformedReason.keyShareLength;
  for (let at = offset + 2; at < end; ) {
    const keyAt = at + 4;
    if (keyAt > end) return malformedReason.keyShareLength;
    const length = uint16At(message, at + 2);
    if (length === 0 || keyAt + length > end) return malformedReason.keyShareLength;
    addFeatures(facts, groupFeatures(uint16At(message, at)));
    at = keyAt + length;
  }
  return malformedReason.none;
}

/** GREASE, or one of the post-quantum groups: hybrid ML-KEM, hybrid Kyber drafts, pure ML-KEM. */
function groupFeatures(group: number): number {
  if (group >= 0x11eb && group <= 0x11ed) return helloFeature.postQuantum;
  if (group === 0x6399 || group === 0x639a) return helloFeature.postQuantum;
  if (group >= 0x0200 && group <= 0x0202) return helloFeature.postQuantum;
  return isGrease(group) ? helloFeature.grease : 0;
}

/** Whether the data is a 16-bit length and exactly that many bytes. */
function holdsList(message: Uint8Array, offset: number, end: number): boolean {
  return offset + 2 <= end && uint16At(message, offset) === end - offset - 2;
}

export function addFeatures(facts: Int32Array, features: number): void {
  facts[helloFact.features] = (facts[helloFact.features] ?? 0) | features;
}
