#include "hello_body.h"

namespace sluice {

namespace {

constexpr size_t kMessageHeaderBytes = 4;
constexpr size_t kRandomBytes = 32;
constexpr size_t kMaxSessionIdBytes = 32;
constexpr uint8_t kHostName = 0;
constexpr uint16_t kTls13 = 0x0304;

// The extensions the scan looks into, by their registered numbers.
enum ExtensionType : uint16_t {
  kServerName = 0,
  kSupportedGroups = 10,
  kSignatureAlgorithms = 13,
  kAlpn = 16,
  kSupportedVersions = 43,
  kKeyShare = 51,
  kEncryptedClientHello = 0xfe0d,
};

// Part of a message, by offsets from the message's first byte.
struct Span {
  const uint8_t* message;
  size_t begin;
  size_t end;

  size_t size() const { return end - begin; }
  HelloPart part() const { return {static_cast<int32_t>(begin), static_cast<int32_t>(end - begin)}; }
};

uint16_t Uint16At(const uint8_t* message, size_t offset) {
  return static_cast<uint16_t>(message[offset] << 8 | message[offset + 1]);
}

// The values that RFC 8701 reserves: 0x0A0A, 0x1A1A … 0xFAFA.
bool IsGrease(uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff); }

// GREASE, or one of the post-quantum groups: hybrid ML-KEM, hybrid Kyber drafts, pure ML-KEM.
int32_t GroupFeatures(uint16_t group) {
  if (group >= 0x11eb && group <= 0x11ed) return hello_feature::kPostQuantum;
  if (group == 0x6399 || group == 0x639a) return hello_feature::kPostQuantum;
  if (group >= 0x0200 && group <= 0x0202) return hello_feature::kPostQuantum;
  return IsGrease(group) ? hello_feature::kGrease : 0;
}

bool HasGrease(const Span& list) {
  for (size_t at = list.begin; at < list.end; at += 2) {
    if (IsGrease(Uint16At(list.message, at))) return true;
  }
  return false;
}

// The list inside `data`, which must be a 16-bit length and exactly that many bytes. False where it is not.
bool TakeList(const Span& data, Span* list) {
  if (data.size() < 2 || Uint16At(data.message, data.begin) != data.size() - 2) return false;
  *list = {data.message, data.begin + 2, data.end};
  return true;
}

// As TakeList, for a list of 16-bit values that may not be empty.
bool TakeUint16List(const Span& data, Span* list) {
  return TakeList(data, list) && list->size() > 0 && list->size() % 2 == 0;
}

// ServerNameList (RFC 6066 section 3): one host_name, and names of other types, which must have the same shape.
MalformedReason ReadServerName(const Span& data, HelloFacts* facts) {
  Span list;
  if (!TakeList(data, &list) || list.size() == 0) return MalformedReason::kServerNameLength;
  for (size_t at = list.begin; at < list.end;) {
    if (list.end - at < 3) return MalformedReason::kServerNameLength;
    const Span name = {list.message, at + 3, at + 3 + Uint16At(list.message, at + 1)};
    if (name.end > list.end) return MalformedReason::kServerNameLength;
    if (list.message[at] == kHostName) {
      if (name.size() == 0) return MalformedReason::kEmptyServerName;
      if (facts->server_name.offset != -1) return MalformedReason::kSeveralServerNames;
      facts->server_name = name.part();
    }
    at = name.end;
  }
  return MalformedReason::kNone;
}

// ProtocolNameList (RFC 7301 section 3.1).
MalformedReason ReadAlpn(const Span& data, HelloFacts* facts) {
  Span list;
  if (!TakeList(data, &list) || list.size() == 0) return MalformedReason::kAlpnLength;
  for (size_t at = list.begin; at < list.end;) {
    const size_t length = list.message[at];
    if (length == 0) return MalformedReason::kEmptyAlpnName;
    if (at + 1 + length > list.end) return MalformedReason::kAlpnLength;
    if (length == 2 && IsGrease(Uint16At(list.message, at + 1))) facts->features |= hello_feature::kGrease;
    at += 1 + length;
  }
  facts->alpn = list.part();
  return MalformedReason::kNone;
}

MalformedReason ReadSupportedVersions(const Span& data, HelloFacts* facts) {
  if (data.size() < 3 || data.size() % 2 != 1 || data.message[data.begin] != data.size() - 1) {
    return MalformedReason::kSupportedVersionsLength;
  }
  const Span list = {data.message, data.begin + 1, data.end};
  facts->supported_versions = list.part();
  uint16_t highest = 0;
  for (size_t at = list.begin; at < list.end; at += 2) {
    const uint16_t version = Uint16At(list.message, at);
    if (version == kTls13) facts->features |= hello_feature::kTls13;
    if (IsGrease(version)) {
      facts->features |= hello_feature::kGrease;
    } else if (version > highest) {
      highest = version;
    }
  }
  if (highest > 0) facts->highest_version = highest;
  return MalformedReason::kNone;
}

MalformedReason ReadSignatureAlgorithms(const Span& data, HelloFacts* facts) {
  Span list;
  if (!TakeUint16List(data, &list)) return MalformedReason::kSignatureAlgorithmsLength;
  facts->signature_algorithms = list.part();
  if (HasGrease(list)) facts->features |= hello_feature::kGrease;
  return MalformedReason::kNone;
}

MalformedReason ReadSupportedGroups(const Span& data, HelloFacts* facts) {
  Span list;
  if (!TakeUint16List(data, &list)) return MalformedReason::kSupportedGroupsLength;
  for (size_t at = list.begin; at < list.end; at += 2) facts->features |= GroupFeatures(Uint16At(list.message, at));
  return MalformedReason::kNone;
}

// KeyShareClientHello (RFC 8446 section 4.2.8). No shares at all is a client asking for a HelloRetryRequest.
MalformedReason ReadKeyShare(const Span& data, HelloFacts* facts) {
  Span list;
  if (!TakeList(data, &list)) return MalformedReason::kKeyShareLength;
  for (size_t at = list.begin; at < list.end;) {
    if (list.end - at < 4) return MalformedReason::kKeyShareLength;
    const size_t length = Uint16At(list.message, at + 2);
    if (length == 0 || length > list.end - at - 4) return MalformedReason::kKeyShareLength;
    facts->features |= GroupFeatures(Uint16At(list.message, at));
    at += 4 + length;
  }
  return MalformedReason::kNone;
}

// One bit for each extension that may appear only once; 0 for those the scan does not look into.
uint32_t ExtensionBit(uint16_t type) {
  switch (type) {
    case kServerName:
      return 1;
    case kSupportedGroups:
      return 2;
    case kSignatureAlgorithms:
      return 4;
    case kAlpn:
      return 8;
    case kSupportedVersions:
      return 16;
    case kKeyShare:
      return 32;
    case kEncryptedClientHello:
      return 64;
    default:
      return 0;
  }
}

MalformedReason ReadExtension(uint16_t type, const Span& data, HelloFacts* facts) {
  switch (type) {
    case kServerName:
      return ReadServerName(data, facts);
    case kSupportedGroups:
      return ReadSupportedGroups(data, facts);
    case kSignatureAlgorithms:
      return ReadSignatureAlgorithms(data, facts);
    case kAlpn:
      return ReadAlpn(data, facts);
    case kSupportedVersions:
      return ReadSupportedVersions(data, facts);
    case kKeyShare:
      return ReadKeyShare(data, facts);
    case kEncryptedClientHello:
      facts->features |= hello_feature::kEch;
      return MalformedReason::kNone;
    default:
      return MalformedReason::kNone;
  }
}

MalformedReason ReadExtensions(const Span& block, HelloFacts* facts) {
  if (block.size() < 2) return MalformedReason::kExtensionsLength;
  const Span extensions = {block.message, block.begin + 2, block.begin + 2 + Uint16At(block.message, block.begin)};
  if (extensions.end > block.end) return MalformedReason::kExtensionsLength;
  if (extensions.end < block.end) return MalformedReason::kTrailingBytes;
  facts->extensions = extensions.part();

  uint32_t seen = 0;
  for (size_t at = extensions.begin; at < extensions.end;) {
    if (extensions.end - at < 4) return MalformedReason::kExtensionLength;
    const uint16_t type = Uint16At(block.message, at);
    const Span data = {block.message, at + 4, at + 4 + Uint16At(block.message, at + 2)};
    if (data.end > extensions.end) return MalformedReason::kExtensionLength;
    const uint32_t bit = ExtensionBit(type);
    if ((seen & bit) != 0) return MalformedReason::kDuplicateExtension;
    seen |= bit;
    if (IsGrease(type)) facts->features |= hello_feature::kGrease;
    const MalformedReason reason = ReadExtension(type, data, facts);
    if (reason != MalformedReason::kNone) return reason;
    at = data.end;
  }
  return MalformedReason::kNone;
}

}  // namespace

MalformedReason ReadHelloBody(const uint8_t* message, size_t size, HelloFacts* facts) {
  const size_t session_id_at = kMessageHeaderBytes + 2 + kRandomBytes + 1;
  if (size < session_id_at) return MalformedReason::kTruncated;
  facts->legacy_version = Uint16At(message, kMessageHeaderBytes);
  facts->highest_version = facts->legacy_version;

  const size_t session_id_length = message[session_id_at - 1];
  if (session_id_length > kMaxSessionIdBytes) return MalformedReason::kSessionIdLength;
  const size_t cipher_suites_at = session_id_at + session_id_length + 2;
  if (size < cipher_suites_at) return MalformedReason::kTruncated;
  const size_t cipher_suites_length = Uint16At(message, cipher_suites_at - 2);
  if (cipher_suites_length == 0 || cipher_suites_length % 2 != 0) return MalformedReason::kCipherSuitesLength;
  const Span cipher_suites = {message, cipher_suites_at, cipher_suites_at + cipher_suites_length};
  const size_t compression_methods_at = cipher_suites.end + 1;
  if (size < compression_methods_at) return MalformedReason::kTruncated;
  facts->cipher_suites = cipher_suites.part();
  if (HasGrease(cipher_suites)) facts->features |= hello_feature::kGrease;

  const size_t compression_methods_length = message[compression_methods_at - 1];
  if (compression_methods_length == 0) return MalformedReason::kCompressionMethodsLength;
  const Span after_compression = {message, compression_methods_at + compression_methods_length, size};
  if (size < after_compression.begin) return MalformedReason::kTruncated;
  // Clients without TLS 1.3 may leave the extensions out altogether (RFC 5246 section 7.4.1.2).
  if (after_compression.size() > 0) {
    const MalformedReason reason = ReadExtensions(after_compression, facts);
    if (reason != MalformedReason::kNone) return reason;
  }
  if (facts->server_name.offset == -1) facts->features |= hello_feature::kNoSni;
  return MalformedReason::kNone;
}

}  // namespace sluice
