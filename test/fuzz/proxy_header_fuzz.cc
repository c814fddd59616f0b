// seeds: test/proxy-protocol/seeds
// A header's length is known from its own bytes alone, no shorter prefix is decided otherwise, and what follows it
// changes nothing.
#include "proxy_header.h"

#include <cstdlib>
#include <cstring>
#include <vector>

using sluice::Address;
using sluice::DecodeProxyHeader;
using sluice::ProxyHeader;
using sluice::ProxyHeaderStatus;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// A copy of the first bytes alone, so that the sanitizer sees a read past them.
ProxyHeaderStatus DecodePrefix(const uint8_t* data, size_t size, ProxyHeader* out) {
  const std::vector<uint8_t> prefix(data, data + size);
  return DecodeProxyHeader(prefix.data(), size, out);
}

void RequireSame(const Address& a, const Address& b) {
  Require(a.family == b.family && a.port == b.port && std::memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0);
}

// What the whole input became, its prefixes became too or were incomplete.
void CheckPrefix(const uint8_t* data, size_t size, ProxyHeaderStatus whole_status, const ProxyHeader& whole) {
  ProxyHeader prefix;
  const ProxyHeaderStatus status = DecodePrefix(data, size, &prefix);
  if (status == ProxyHeaderStatus::kIncomplete) {
    Require(prefix.needed_bytes > size);
    return;
  }
  Require(status == whole_status);
  if (status != ProxyHeaderStatus::kHeader) return;
  Require(prefix.bytes == whole.bytes && prefix.version == whole.version);
  RequireSame(prefix.source, whole.source);
  RequireSame(prefix.destination, whole.destination);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ProxyHeader whole;
  const ProxyHeaderStatus status = DecodePrefix(data, size, &whole);
  if (status == ProxyHeaderStatus::kHeader) Require(whole.bytes >= 15 && whole.bytes <= size);
  if (status == ProxyHeaderStatus::kIncomplete) Require(whole.needed_bytes > size);
  // The last byte chooses which prefixes; it is part of the input all the same.
  const size_t choice = size > 0 ? data[size - 1] : 0;
  for (size_t length = choice % 16; length < size && length < 300; length += 1 + choice / 16) {
    CheckPrefix(data, length, status, whole);
  }
  if (status == ProxyHeaderStatus::kHeader) {
    CheckPrefix(data, whole.bytes, status, whole);
    ProxyHeader cut;
    Require(DecodePrefix(data, whole.bytes - 1, &cut) == ProxyHeaderStatus::kIncomplete);
  }
  return 0;
}
