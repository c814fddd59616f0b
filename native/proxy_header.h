#pragma once

#include <cstddef>
#include <cstdint>

#include "address.h"

namespace sluice {

enum class ProxyHeaderStatus : uint8_t { kHeader, kIncomplete, kMalformed };

// The order is that of `malformedProxyHeaderReasons` in src/proxy-protocol/proxy-header.ts, which says what each means.
enum class MalformedProxyHeader : uint8_t {
  kNotAHeader,
  kLineTooLong,
  kLineEnding,
  kTransport,
  kFields,
  kAddress,
  kPort,
  kCommand,
  kFamily,
  kLength,
  kTlvs,
  kCrc32c,
};

struct ProxyHeader {
  // kHeader: the header's length; what follows is the client's first byte.
  size_t bytes = 0;
  // kIncomplete: how many input bytes there must be before another decode can tell more.
  size_t needed_bytes = 0;
  // kMalformed.
  MalformedProxyHeader reason = MalformedProxyHeader::kNotAHeader;
  // kHeader: 1 or 2.
  uint8_t version = 0;
  // kHeader: both of family 0 where the header has none to use and the socket's own stand. An IPv4-mapped IPv6
  // address is the IPv4 one, so the two may differ in family.
  Address source;
  Address destination;
};

// Decodes the PROXY protocol header, version 1 or 2, that a connection must start with: the same rules, to the bit, as
// `decodeProxyHeader` in src/proxy-protocol/decode.ts. `input` is what arrived so far and may go on after the header;
// call again with more while it is kIncomplete. Reads nothing past `size`, allocates nothing.
ProxyHeaderStatus DecodeProxyHeader(const uint8_t* input, size_t size, ProxyHeader* out);

}  // namespace sluice
