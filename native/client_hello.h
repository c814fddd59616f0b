// Finds the TLS ClientHello at the start of a connection, whatever TCP segments and TLS records it is split into.
// The same scanner as src/tls/hello-scanner.ts: both give the same facts for every prefix of every input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice {

enum class HelloStatus : int32_t {
  kComplete = 0,
  kIncomplete = 1,
  kNotTls = 2,
  kMalformed = 3,
  kTooLarge = 4,
};

enum class MalformedReason : int32_t {
  kNone = 0,
  kRecordType = 1,
  kRecordVersion = 2,
  kEmptyRecord = 3,
  kRecordLength = 4,
  kHandshakeType = 5,
  kTruncated = 6,
  kSessionIdLength = 7,
  kCipherSuitesLength = 8,
  kCompressionMethodsLength = 9,
  kExtensionsLength = 10,
  kTrailingBytes = 11,
  kExtensionLength = 12,
  kDuplicateExtension = 13,
  kServerNameLength = 14,
  kEmptyServerName = 15,
  kSeveralServerNames = 16,
  kAlpnLength = 17,
  kEmptyAlpnName = 18,
  kSupportedVersionsLength = 19,
  kSignatureAlgorithmsLength = 20,
  kSupportedGroupsLength = 21,
  kKeyShareLength = 22,
};

namespace hello_feature {
constexpr int32_t kEch = 1;
constexpr int32_t kPostQuantum = 2;
constexpr int32_t kGrease = 4;
constexpr int32_t kTls13 = 8;
constexpr int32_t kNoSni = 16;
constexpr int32_t kMultiRecord = 32;
}  // namespace hello_feature

// Bytes inside the handshake message; offset -1 and length 0 where the part is absent.
struct HelloPart {
  int32_t offset = -1;
  int32_t length = 0;
};

// What a scan found, in the layout of `helloFact` in src/tls/hello-facts.ts, which also says what each one means.
// Below `malformed_reason` they mean something for kComplete only, and are 0 or absent otherwise.
struct HelloFacts {
  HelloStatus status = HelloStatus::kIncomplete;
  int32_t needed_bytes = 0;
  MalformedReason malformed_reason = MalformedReason::kNone;
  int32_t wire_bytes = 0;
  int32_t message_bytes = 0;
  int32_t record_count = 0;
  int32_t legacy_version = 0;
  int32_t highest_version = 0;
  int32_t features = 0;
  HelloPart server_name;
  HelloPart alpn;
  HelloPart cipher_suites;
  HelloPart extensions;
  HelloPart signature_algorithms;
  HelloPart supported_versions;
};

constexpr size_t kHelloFactCount = 21;
static_assert(sizeof(HelloFacts) == kHelloFactCount * sizeof(int32_t), "one int32_t for each helloFact");
static_assert(offsetof(HelloFacts, features) == 8 * sizeof(int32_t), "helloFact.features");
static_assert(offsetof(HelloFacts, server_name) == 9 * sizeof(int32_t), "helloFact.serverNameOffset");
static_assert(offsetof(HelloFacts, supported_versions) == 19 * sizeof(int32_t), "helloFact.supportedVersionsOffset");

// One connection's scan. It keeps only where to resume, so a half-open connection holds it cheaply; the facts go
// where the caller wants them. The input is the caller's, and is never copied unless the hello spans records.
class HelloScanner {
 public:
  // Counts the bytes on the wire, record headers included.
  explicit HelloScanner(size_t max_hello_bytes) : max_hello_bytes_(max_hello_bytes) {}

  // Looks at everything received so far: each call repeats the bytes of the one before (at the same address or at
  // another), from the connection's first TLS byte on. Writes all of `facts`. Not to be called again once the status
  // is another than kIncomplete.
  HelloStatus Scan(const uint8_t* input, size_t size, HelloFacts* facts);

  // After kComplete: the handshake message as one piece, `facts.message_bytes` long. Points into the last scan's
  // input where the hello came in a single record, else into memory of the scanner.
  const uint8_t* message() const { return message_; }

 private:
  bool ReadRecordHeader(const uint8_t* input, size_t size, HelloFacts* facts);
  bool ReadMessageHeader(const uint8_t* input, size_t size, HelloFacts* facts);
  HelloStatus Complete(const uint8_t* input, size_t message_end, HelloFacts* facts);
  size_t LeastWireBytes() const;
  void Reassemble(const uint8_t* input);

  size_t max_hello_bytes_;
  // Where the header of the current record starts.
  size_t record_offset_ = 0;
  // Where the payload of the current record ends; 0 until its header has been read.
  size_t payload_end_ = 0;
  // Bytes of the message in the records before the current one.
  uint32_t earlier_bytes_ = 0;
  // The message's header, as far as earlier records carry it.
  uint32_t message_header_ = 0;
  // What the message's header says, itself included; 0 until it has been read.
  uint32_t message_bytes_ = 0;
  int32_t record_count_ = 0;
  const uint8_t* message_ = nullptr;
  std::unique_ptr<uint8_t[]> reassembled_;
};

}  // namespace sluice
