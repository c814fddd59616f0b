// The hello scanner on memory that ends at an inaccessible page: every prefix of every vector, split and mutated ones too.
#include "client_hello.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "guarded_bytes.h"

namespace {

using sluice::HelloFacts;
using sluice::HelloScanner;
using sluice::HelloStatus;
using sluice::MalformedReason;
using Bytes = std::vector<uint8_t>;

constexpr size_t kMaxHelloBytes = 65536;
const std::filesystem::path kVectors = "test/vectors/hellos";

struct Vector {
  std::string name;
  Bytes bytes;
};

// The vectors of malformed/ are named after these, in the order of MalformedReason.
const char* const kReasonNames[] = {
    "none",
    "recordType",
    "recordVersion",
    "emptyRecord",
    "recordLength",
    "handshakeType",
    "truncated",
    "sessionIdLength",
    "cipherSuitesLength",
    "compressionMethodsLength",
    "extensionsLength",
    "trailingBytes",
    "extensionLength",
    "duplicateExtension",
    "serverNameLength",
    "emptyServerName",
    "severalServerNames",
    "alpnLength",
    "emptyAlpnName",
    "supportedVersionsLength",
    "signatureAlgorithmsLength",
    "supportedGroupsLength",
    "keyShareLength",
};

std::vector<Vector> ReadVectors(const char* folder) {
  std::vector<Vector> vectors;
  for (const auto& entry : std::filesystem::directory_iterator(kVectors / folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::istreambuf_iterator<char> begin(file);
    vectors.push_back({entry.path().stem(), Bytes(begin, std::istreambuf_iterator<char>())});
  }
  std::sort(vectors.begin(), vectors.end(), [](const Vector& a, const Vector& b) { return a.name < b.name; });
  return vectors;
}

bool SameFacts(const HelloFacts& a, const HelloFacts& b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

HelloFacts ScanOnce(const Bytes& bytes, size_t max_hello_bytes = kMaxHelloBytes) {
  GuardedBytes memory(bytes.size());
  HelloScanner scanner(max_hello_bytes);
  HelloFacts facts;
  scanner.Scan(memory.Place(bytes.data(), bytes.size()), bytes.size(), &facts);
  return facts;
}

// Whatever the bytes are, parts lie inside the message, and what is not complete has none.
void CheckParts(const HelloFacts& facts) {
  for (const auto& part : {facts.server_name, facts.alpn, facts.cipher_suites, facts.extensions,
                           facts.signature_algorithms, facts.supported_versions}) {
    if (part.offset == -1) {
      CHECK_EQ(part.length, 0);
    } else {
      CHECK(facts.status == HelloStatus::kComplete);
      CHECK(part.offset >= 4 && part.length >= 0 && part.offset + part.length <= facts.message_bytes);
    }
  }
}

// Every prefix, by a scanner of its own and by one that has seen the shorter ones, at a new address each time.
void CheckEveryPrefix(const Bytes& bytes) {
  GuardedBytes memory(bytes.size());
  HelloScanner growing(kMaxHelloBytes);
  HelloStatus status = HelloStatus::kIncomplete;
  int32_t needed_bytes = 1;
  for (size_t size = 0; size <= bytes.size(); size++) {
    const uint8_t* input = memory.Place(bytes.data(), size);
    HelloFacts at_once;
    HelloScanner(kMaxHelloBytes).Scan(input, size, &at_once);
    CheckParts(at_once);
    if (status != HelloStatus::kIncomplete) {
      CHECK(at_once.status == status);
      continue;
    }
    HelloFacts resumed;
    status = growing.Scan(input, size, &resumed);
    CHECK(SameFacts(resumed, at_once));
    if (status == HelloStatus::kIncomplete) {
      CHECK(resumed.needed_bytes > static_cast<int32_t>(size));
      if (static_cast<int32_t>(size) < needed_bytes) CHECK_EQ(resumed.needed_bytes, needed_bytes);
      needed_bytes = resumed.needed_bytes;
    } else {
      CHECK_EQ(static_cast<int32_t>(size), needed_bytes);
    }
  }
}

Bytes MessageOf(const Bytes& bytes) {
  HelloScanner scanner(kMaxHelloBytes);
  HelloFacts facts;
  if (!CHECK(scanner.Scan(bytes.data(), bytes.size(), &facts) == HelloStatus::kComplete)) return {};
  return Bytes(scanner.message(), scanner.message() + facts.message_bytes);
}

Bytes InRecords(const Bytes& message, size_t first, size_t rest) {
  Bytes wire;
  for (size_t at = 0; at < message.size();) {
    const size_t size = std::min(at == 0 ? first : rest, message.size() - at);
    for (const int value : {22, 3, 1, static_cast<int>(size >> 8), static_cast<int>(size & 0xff)}) {
      wire.push_back(static_cast<uint8_t>(value));
    }
    wire.insert(wire.end(), message.begin() + static_cast<long>(at), message.begin() + static_cast<long>(at + size));
    at += size;
  }
  return wire;
}

void CheckSplits(const Bytes& message) {
  CheckEveryPrefix(InRecords(message, 1, 1));
  for (size_t first = 1; first < message.size(); first++) {
    const Bytes wire = InRecords(message, first, 16384);
    CHECK(MessageOf(wire) == message);
    CHECK_EQ(ScanOnce(wire).record_count, 2);
    CHECK_EQ(ScanOnce(wire).wire_bytes, static_cast<int32_t>(message.size() + 10));
  }
}

void CheckLimits(const Bytes& message) {
  for (const size_t rest : {1, 100, 16384}) {
    const Bytes wire = InRecords(message, rest, rest);
    CHECK(ScanOnce(wire, wire.size()).status == HelloStatus::kComplete);
    CHECK(ScanOnce(wire, wire.size() - 1).status == HelloStatus::kTooLarge);
  }
}

// The largest of all: 2^24 - 1 bytes of body, which says nothing until the limit allows it.
void CheckHugeMessage() {
  const Bytes header = {22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff};
  CHECK(ScanOnce(header).status == HelloStatus::kTooLarge);
  CHECK(ScanOnce(header, SIZE_MAX).status == HelloStatus::kIncomplete);
  CHECK(ScanOnce(header, 0).status == HelloStatus::kTooLarge);
}

void CheckMutations(const std::vector<Bytes>& vectors, int count) {
  std::mt19937 random(1);
  for (int index = 0; index < count; index++) {
    Bytes bytes = vectors[random() % vectors.size()];
    for (uint32_t left = 1 + random() % 4; left > 0 && !bytes.empty(); left--) {
      uint8_t& byte = bytes[random() % bytes.size()];
      switch (random() % 4) {
        case 0:
          byte = static_cast<uint8_t>(byte ^ 1 << random() % 8);
          break;
        case 1:
          byte = static_cast<uint8_t>(random());
          break;
        case 2:
          byte = static_cast<uint8_t>(byte + random() % 5 - 2);
          break;
        default:
          bytes.resize(random() % (bytes.size() + 1));
      }
    }
    CheckParts(ScanOnce(bytes));
  }
}

}  // namespace

int main() {
  const std::vector<Vector> captured = ReadVectors("captured");
  const std::vector<Vector> malformed = ReadVectors("malformed");
  CHECK(captured.size() >= 30);
  CHECK_EQ(malformed.size(), std::size(kReasonNames) - 1);
  std::vector<Bytes> all;
  for (const Vector& vector : malformed) {
    const HelloFacts facts = ScanOnce(vector.bytes);
    CHECK(facts.status == HelloStatus::kMalformed);
    CHECK_EQ(kReasonNames[static_cast<size_t>(facts.malformed_reason)], vector.name);
    all.push_back(vector.bytes);
  }
  for (const Vector& vector : captured) {
    const Bytes message = MessageOf(vector.bytes);
    CheckSplits(message);
    CheckLimits(message);
    all.push_back(vector.bytes);
  }
  for (const Bytes& bytes : all) CheckEveryPrefix(bytes);
  CheckHugeMessage();
  CheckMutations(all, 50000);
  return check::Finish();
}
