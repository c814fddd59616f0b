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

export const helloFeature = {
  ech: 1,
  postQuantum: 2,
  grease: 4,
  tls13: 8,
  noSni: 16,
  multiRecord: 32,
} as const;
