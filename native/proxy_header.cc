#include "proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

namespace sluice {

namespace {

using std::string_view;

constexpr string_view kSignatureV1 = "PROXY ";
constexpr string_view kSignatureV2("\r\n\r\n\0\r\nQUIT\n", 12);

// The longest version 1 line, CRLF included (specification section 2.1).
constexpr size_t kMaxLineBytes = 107;

// Version 2: signature, version and command, family and transport, length.
constexpr size_t kVersionAt = 12;
constexpr size_t kFamilyAt = 13;
constexpr size_t kLengthAt = 14;
constexpr size_t kFixedBytesV2 = 16;

constexpr uint8_t kLocal = 0;
constexpr uint8_t kProxy = 1;
constexpr uint8_t kUnspecified = 0;
constexpr uint8_t kInet = 1;
constexpr uint8_t kInet6 = 2;
constexpr uint8_t kUnix = 3;
constexpr uint8_t kStream = 1;
constexpr uint8_t kDatagram = 2;

constexpr uint8_t kCrc32cType = 0x03;

ProxyHeaderStatus Malformed(MalformedProxyHeader reason, ProxyHeader* out) {
  out->reason = reason;
  return ProxyHeaderStatus::kMalformed;
}

ProxyHeaderStatus Incomplete(size_t needed_bytes, ProxyHeader* out) {
  out->needed_bytes = needed_bytes;
  return ProxyHeaderStatus::kIncomplete;
}

uint16_t Uint16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

uint32_t Uint32(const uint8_t* at) { return static_cast<uint32_t>(Uint16(at)) << 16 | Uint16(at + 2); }

Address FromIpv4(const uint8_t* bytes, uint16_t port) {
  Address address;
  address.family = 4;
  address.port = port;
  std::memcpy(address.bytes, bytes, 4);
  return address;
}

Address FromIpv6(const uint8_t* bytes, uint16_t port) {
  static constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes, kMappedPrefix, 12) == 0) return FromIpv4(bytes + 12, port);
  Address address;
  address.family = 6;
  address.port = port;
  std::memcpy(address.bytes, bytes, 16);
  return address;
}

enum class Transport { kNone, kTcp4, kTcp6, kUnknown };

struct TransportWord {
  string_view word;
  Transport transport;
};

constexpr TransportWord kTransportWords[] = {
    {"TCP4", Transport::kTcp4}, {"TCP6", Transport::kTcp6}, {"UNKNOWN", Transport::kUnknown}};

// The line's first word; while the line has not ended, any that the word may become.
Transport TransportOf(string_view line, bool is_whole) {
  const size_t space = line.find(' ');
  const string_view word = line.substr(0, space);
  const bool is_whole_word = is_whole || space != string_view::npos;
  for (const TransportWord& known : kTransportWords) {
    if (is_whole_word ? known.word == word : known.word.substr(0, word.size()) == word) return known.transport;
  }
  return Transport::kNone;
}

// Decimal without sign or leading zeros.
std::optional<uint16_t> DecodePort(string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint32_t port = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    port = port * 10 + static_cast<uint32_t>(digit - '0');
  }
  if (port > 0xffff) return std::nullopt;
  return static_cast<uint16_t>(port);
}

// Of family 0 where the text is no address of this transport.
Address DecodeAddressText(string_view text, uint16_t port, Transport transport) {
  char terminated[INET6_ADDRSTRLEN];
  uint8_t bytes[16];
  if (text.size() >= sizeof(terminated) || text.find('\0') != string_view::npos) return {};
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  if (transport == Transport::kTcp4) {
    return inet_pton(AF_INET, terminated, bytes) == 1 ? FromIpv4(bytes, port) : Address{};
  }
  return inet_pton(AF_INET6, terminated, bytes) == 1 ? FromIpv6(bytes, port) : Address{};
}

// `line` is everything between the signature and the CRLF.
ProxyHeaderStatus DecodeFields(string_view line, Transport transport, ProxyHeader* out) {
  std::array<string_view, 5> fields;
  for (size_t field = 0; field < fields.size(); field++) {
    const size_t end = line.find(' ');
    const bool is_last = field + 1 == fields.size();
    if ((end == string_view::npos) != is_last) return Malformed(MalformedProxyHeader::kFields, out);
    fields[field] = line.substr(0, end);
    line.remove_prefix(is_last ? line.size() : end + 1);
  }
  const std::optional<uint16_t> source_port = DecodePort(fields[3]);
  const std::optional<uint16_t> destination_port = DecodePort(fields[4]);
  if (!source_port || !destination_port) return Malformed(MalformedProxyHeader::kPort, out);
  out->source = DecodeAddressText(fields[1], *source_port, transport);
  out->destination = DecodeAddressText(fields[2], *destination_port, transport);
  if (out->source.family == 0 || out->destination.family == 0) return Malformed(MalformedProxyHeader::kAddress, out);
  return ProxyHeaderStatus::kHeader;
}

ProxyHeaderStatus DecodeV1(const uint8_t* input, size_t size, ProxyHeader* out) {
  const size_t limit = std::min(size, kMaxLineBytes);
  size_t end = kSignatureV1.size();
  while (end < limit && input[end] != '\r' && input[end] != '\n') end++;
  const string_view line(reinterpret_cast<const char*>(input) + kSignatureV1.size(), end - kSignatureV1.size());
  const Transport transport = TransportOf(line, end < limit);
  if (transport == Transport::kNone) return Malformed(MalformedProxyHeader::kTransport, out);
  if (end + 2 > kMaxLineBytes) return Malformed(MalformedProxyHeader::kLineTooLong, out);
  if (end < size && input[end] == '\n') return Malformed(MalformedProxyHeader::kLineEnding, out);
  if (end + 2 > size) return Incomplete(size + 1, out);
  if (input[end + 1] != '\n') return Malformed(MalformedProxyHeader::kLineEnding, out);
  out->bytes = end + 2;
  out->version = 1;
  return transport == Transport::kUnknown ? ProxyHeaderStatus::kHeader : DecodeFields(line, transport, out);
}

// CRC32C, the Castagnoli polynomial with its bits reversed (RFC 3720 appendix B.4).
constexpr std::array<uint32_t, 256> MakeCrc32cTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; bit++) remainder = (remainder >> 1) ^ (remainder & 1 ? 0x82f63b78u : 0u);
    table[byte] = remainder;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kCrc32cTable = MakeCrc32cTable();

uint32_t Crc32c(const uint8_t* bytes, size_t size, uint32_t previous) {
  uint32_t crc = ~previous;
  for (size_t at = 0; at < size; at++) crc = (crc >> 8) ^ kCrc32cTable[(crc ^ bytes[at]) & 0xff];
  return ~crc;
}

// The checksum of the whole header with its own 4 bytes, at `checksum_at`, zero.
uint32_t HeaderChecksum(const uint8_t* input, size_t bytes, size_t checksum_at) {
  static constexpr uint8_t kZeros[4] = {};
  const uint32_t before = Crc32c(input, checksum_at, 0);
  const size_t after = checksum_at + sizeof(kZeros);
  return Crc32c(input + after, bytes - after, Crc32c(kZeros, sizeof(kZeros), before));
}

// Walks the TLVs from `at` to `end`; false when they do not end there or there is no making sense of the checksum's.
// `checksum_at` is left 0 where there is no checksum.
bool WalkTlvs(const uint8_t* input, size_t at, size_t end, size_t* checksum_at) {
  while (at + 3 <= end) {
    const uint8_t type = input[at];
    const size_t length = Uint16(input + at + 1);
    at += 3;
    if (length > end - at) return false;
    if (type == kCrc32cType) {
      if (length != 4 || *checksum_at != 0) return false;
      *checksum_at = at;
    }
    at += length;
  }
  return at == end;
}

size_t AddressBytesOf(uint8_t family) {
  switch (family) {
    case kInet:
      return 12;
    case kInet6:
      return 36;
    case kUnix:
      return 216;
    default:
      return 0;
  }
}

void DecodeAddresses(const uint8_t* addresses, uint8_t family, ProxyHeader* out) {
  if (family == kInet) {
    out->source = FromIpv4(addresses, Uint16(addresses + 8));
    out->destination = FromIpv4(addresses + 4, Uint16(addresses + 10));
  } else {
    out->source = FromIpv6(addresses, Uint16(addresses + 32));
    out->destination = FromIpv6(addresses + 16, Uint16(addresses + 34));
  }
}

// Addresses are taken of TCP over IPv4 and IPv6; the other valid kinds keep the socket's. A LOCAL header must be
// accepted whatever its family and contents, and an unspecified one may have any contents (specification section
// 2.2): their TLVs count only when they add up.
ProxyHeaderStatus DecodeV2(const uint8_t* input, size_t size, ProxyHeader* out) {
  if (size <= kVersionAt) return Incomplete(kFamilyAt, out);
  const uint8_t command = input[kVersionAt] & 0x0f;
  if (input[kVersionAt] >> 4 != 2 || command > kProxy) return Malformed(MalformedProxyHeader::kCommand, out);
  if (size <= kFamilyAt) return Incomplete(kLengthAt, out);
  const uint8_t family = input[kFamilyAt] >> 4;
  const uint8_t transport = input[kFamilyAt] & 0x0f;
  if (command == kProxy && (family > kUnix || transport > kDatagram)) {
    return Malformed(MalformedProxyHeader::kFamily, out);
  }
  if (size < kFixedBytesV2) return Incomplete(kFixedBytesV2, out);

  const size_t bytes = kFixedBytesV2 + Uint16(input + kLengthAt);
  const size_t tlvs_at = kFixedBytesV2 + AddressBytesOf(family);
  const bool is_opaque = command == kLocal || family == kUnspecified || transport == kUnspecified;
  if (!is_opaque && tlvs_at > bytes) return Malformed(MalformedProxyHeader::kLength, out);
  if (size < bytes) return Incomplete(bytes, out);
  size_t checksum_at = 0;
  const bool adds_up = WalkTlvs(input, tlvs_at, bytes, &checksum_at);
  if (!adds_up && !is_opaque) return Malformed(MalformedProxyHeader::kTlvs, out);
  if (adds_up && checksum_at != 0 && HeaderChecksum(input, bytes, checksum_at) != Uint32(input + checksum_at)) {
    return Malformed(MalformedProxyHeader::kCrc32c, out);
  }

  out->bytes = bytes;
  out->version = 2;
  if (!is_opaque && transport == kStream && family != kUnix) DecodeAddresses(input + kFixedBytesV2, family, out);
  return ProxyHeaderStatus::kHeader;
}

}  // namespace

ProxyHeaderStatus DecodeProxyHeader(const uint8_t* input, size_t size, ProxyHeader* out) {
  *out = ProxyHeader{};
  if (size == 0) return Incomplete(1, out);
  const bool is_version2 = input[0] == static_cast<uint8_t>(kSignatureV2[0]);
  const string_view signature = is_version2 ? kSignatureV2 : kSignatureV1;
  const size_t present = std::min(signature.size(), size);
  if (std::memcmp(input, signature.data(), present) != 0) return Malformed(MalformedProxyHeader::kNotAHeader, out);
  if (present < signature.size()) return Incomplete(size + 1, out);
  return is_version2 ? DecodeV2(input, size, out) : DecodeV1(input, size, out);
}

}  // namespace sluice
