#pragma once

#include <cstddef>
#include <cstdint>

#include "client_hello.h"

namespace sluice {

// Reads a whole ClientHello message (type byte first, exactly `size` bytes) into fresh `facts`: everything from its
// versions to its lists. Where the reason is another than kNone, what `facts` holds means nothing.
MalformedReason ReadHelloBody(const uint8_t* message, size_t size, HelloFacts* facts);

}  // namespace sluice
