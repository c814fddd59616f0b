// seeds: test/vectors/hellos/captured test/vectors/hellos/malformed
// The scanner gives the same facts at once and piece by piece, and only offsets that lie inside the message.
#include "client_hello.h"

#include <cstdlib>
#include <cstring>
#include <vector>

using sluice::HelloFacts;
using sluice::HelloPart;
using sluice::HelloScanner;
using sluice::HelloStatus;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckParts(const HelloFacts& facts, const uint8_t* message) {
  for (const HelloPart& part : {facts.server_name, facts.alpn, facts.cipher_suites, facts.extensions,
                                facts.signature_algorithms, facts.supported_versions}) {
    Require(part.offset == -1 ? part.length == 0 : part.offset + part.length <= facts.message_bytes);
    // Copied, so that the sanitizer sees a part that is not all there.
    if (part.length > 0) std::vector<uint8_t>(message + part.offset, message + part.offset + part.length);
  }
}

// Pieces of the input at addresses of their own, so that the sanitizer sees a read past any of them.
void CheckPieces(const uint8_t* data, size_t size, size_t step, size_t max_hello_bytes, const HelloFacts& at_once) {
  HelloScanner scanner(max_hello_bytes);
  for (size_t length = 0;; length = length + step < size ? length + step : size) {
    const std::vector<uint8_t> piece(data, data + length);
    HelloFacts facts;
    if (scanner.Scan(piece.data(), length, &facts) != HelloStatus::kIncomplete) {
      Require(std::memcmp(&facts, &at_once, sizeof(facts)) == 0);
      return;
    }
    Require(facts.needed_bytes > static_cast<int32_t>(length));
    if (length == size) {
      Require(std::memcmp(&facts, &at_once, sizeof(facts)) == 0);
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The last byte chooses the limit and the pieces, every prefix or some of them; it is part of the hello all the same.
  const size_t choice = size > 0 ? data[size - 1] : 0;
  const size_t max_hello_bytes = choice % 2 == 0 ? 65536 : 16 * choice;
  HelloScanner scanner(max_hello_bytes);
  HelloFacts facts;
  if (scanner.Scan(data, size, &facts) == HelloStatus::kComplete) CheckParts(facts, scanner.message());
  CheckPieces(data, size, 1 + choice * size / 256, max_hello_bytes, facts);
  return 0;
}
