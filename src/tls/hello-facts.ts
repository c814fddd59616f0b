/**
 * What a scan of a ClientHello found, as plain integers: the one layout that the TypeScript scanner, the C++ scanner
 * (`native/client_hello.h`) and `ClientHello` share. Offsets count from the first byte of the handshake message (its
 * type byte), reassembled; an absent part has offset -1 and length 0.
 */
export const helloFact = {
  /** A `helloStatus`. The facts below it mean something for `complete` only, except where they say otherwise. */
  status: 0,
  /** For `incomplete`: how many input bytes there must be before another scan can tell more. */
  neededBytes: 1,
  /** For `malformed`: a `malformedReason`. */
  malformedReason: 2,
  /** Input bytes up to and including the hello's last one, record headers included. */
  wireBytes: 3,
  /** Handshake message bytes: 4 of header and the body. */
  messageBytes: 4,
  /** TLS records that carry the message. */
  recordCount: 5,
  /** ClientHello.legacy_version. */
  legacyVersion: 6,
  /** The highest version offered: of supported_versions without GREASE, else legacy_version. */
  highestVersion: 7,
  /** Bits of `helloFeature`. */
  features: 8,
  /** The host_name in the server_name extension, as sent. */
  serverNameOffset: 9,
  serverNameLength: 10,
  /** ProtocolNameList, without its own length. */
  alpnOffset: 11,
  alpnLength: 12,
  /** cipher_suites, without their length. */
  cipherSuitesOffset: 13,
  cipherSuitesLength: 14,
  /** All extensions, without their length. */
  extensionsOffset: 15,
  extensionsLength: 16,
  /** signature_algorithms, without their length. */
  signatureAlgorithmsOffset: 17,
  signatureAlgorithmsLength: 18,
  /** supported_versions, without their length. */
  supportedVersionsOffset: 19,
  supportedVersionsLength: 20,
} as const;

export const helloFactCount = 21;

export const helloStatus = {
  complete: 0,
  incomplete: 1,
  notTls: 2,
  malformed: 3,
  tooLarge: 4,
} as const;

export type HelloStatus = (typeof helloStatus)[keyof typeof helloStatus];

export const helloFeature = {
  /** The encrypted_client_hello extension; GREASE ones cannot be told from real ones. */
  ech: 1,
  /** A hybrid or pure ML-KEM (or Kyber draft) group among supported_groups or key_share. */
  postQuantum: 2,
  /** A reserved value of RFC 8701 in any list the scan reads. */
  grease: 4,
  /** 0x0304 among supported_versions. */
  tls13: 8,
  /** No host_name. */
  noSni: 16,
  /** The message came in more than one record. */
  multiRecord: 32,
} as const;

/** Why a hello is malformed; the same numbers as `MalformedReason` in `native/client_hello.h`. */
export const malformedReason = {
  none: 0,
  recordType: 1,
  recordVersion: 2,
  emptyRecord: 3,
  recordLength: 4,
  handshakeType: 5,
  truncated: 6,
  sessionIdLength: 7,
  cipherSuitesLength: 8,
  compressionMethodsLength: 9,
  extensionsLength: 10,
  trailingBytes: 11,
  extensionLength: 12,
  duplicateExtension: 13,
  serverNameLength: 14,
  emptyServerName: 15,
  severalServerNames: 16,
  alpnLength: 17,
  emptyAlpnName: 18,
  supportedVersionsLength: 19,
  signatureAlgorithmsLength: 20,
  supportedGroupsLength: 21,
  keyShareLength: 22,
} as const;

export type MalformedReason = (typeof malformedReason)[keyof typeof malformedReason];

/** What each `malformedReason` means, for people; indexed by its number. */
export const malformedSentences: readonly string[] = [
  'nothing is wrong',
  'a record of another type interrupts the ClientHello',
  'a record header has a major version other than 3',
  'a handshake record is empty',
  'a record is longer than 16384 bytes',
  'the first handshake message is not a ClientHello',
  'a field runs past the end of the ClientHello',
  'the session id is longer than 32 bytes',
  'the list of cipher suites is empty or has an odd length',
  'the list of compression methods is empty',
  'the extensions run past the end of the ClientHello',
  'bytes follow the extensions inside the ClientHello',
  'an extension runs past the end of the extensions',
  'an extension appears twice',
  'the lengths inside the server_name extension do not add up',
  'the server_name extension has an empty host name',
  'the server_name extension has two host names',
  'the lengths inside the ALPN extension do not add up',
  'the ALPN extension has an empty protocol name',
  'the list in supported_versions is empty or its length is wrong',
  'the list in signature_algorithms is empty or its length is wrong',
  'the list in supported_groups is empty or its length is wrong',
  'the lengths inside the key_share extension do not add up',
];
