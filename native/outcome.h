#pragma once

#include <cstdint>

namespace sluice {

// How a connection ended. The order is that of `outcomes` in src/data-plane/outcome.ts.
enum class Outcome : uint8_t {
  kOk,
  kClientReset,
  kUpstreamReset,
  kIdleTimeout,
  kHalfClosedTimeout,
  kDrained,
  kNotTls,
  kMalformedHello,
  kHelloTooLarge,
  kHelloTimeout,
  kNoRoute,
  kRejected,
  kUpstreamUnreachable,
  kUpstreamFull,
  kSourceLimited,
  kBadProxyHeader,
  kNameNotAllowed,
  kClientClosedEarly,
};

inline constexpr int kOutcomeCount = 18;

}  // namespace sluice
