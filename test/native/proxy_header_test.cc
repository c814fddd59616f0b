// Decodes headers, their every prefix and half a million changed ones out of memory that ends at an inaccessible page.
#include "proxy_header.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "guarded_bytes.h"

namespace {

using sluice::DecodeProxyHeader;
using sluice::MalformedProxyHeader;
using sluice::ProxyHeader;
using sluice::ProxyHeaderStatus;

constexpr size_t kLongest = 16 + 0xffff;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

std::string VersionTwo(int version_and_command, int family_and_transport, const std::string& block) {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) +
         Bytes({version_and_command, family_and_transport, static_cast<int>(block.size() >> 8),
                static_cast<int>(block.size() & 0xff)}) +
         block;
}

const std::string kIpv4Block = Bytes({203, 0, 113, 7, 198, 51, 100, 1, 0xc8, 0x22, 0x01, 0xbb});
const std::string kMappedBlock = std::string(10, '\0') + Bytes({0xff, 0xff, 203, 0, 113, 7, 0x20, 0x01, 0x0d, 0xb8}) +
                                 std::string(11, '\0') + Bytes({1, 0xc8, 0x22, 0x01, 0xbb});

std::vector<std::string> Headers() {
  return {
      "PROXY TCP4 203.0.113.7 198.51.100.1 51234 443\r\n",
      "PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 51234 443\r\n",
      "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
      "PROXY UNKNOWN\r\n",
      "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n",
      VersionTwo(0x21, 0x11, kIpv4Block),
      VersionTwo(0x21, 0x21, kMappedBlock + Bytes({1, 0, 2, 'h', '2', 4, 0, 0})),
      VersionTwo(0x21, 0x31, std::string(216, '/')),
      VersionTwo(0x20, 0x00, ""),
      VersionTwo(0x20, 0xff, std::string(9, '\xff')),
  };
}

class Decoder {
 public:
  ProxyHeaderStatus Decode(const std::string& input) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(input.data());
    return DecodeProxyHeader(memory_.Place(bytes, input.size()), input.size(), &header);
  }

  ProxyHeader header;

 private:
  GuardedBytes memory_{kLongest};
};

void ReadsAddresses(Decoder& decoder) {
  CHECK(decoder.Decode(VersionTwo(0x21, 0x21, kMappedBlock)) == ProxyHeaderStatus::kHeader);
  CHECK_EQ(int{decoder.header.source.family}, 4);
  CHECK_EQ(int{decoder.header.source.bytes[0]}, 203);
  CHECK_EQ(decoder.header.source.port, 51234);
  CHECK_EQ(int{decoder.header.destination.family}, 6);
  CHECK_EQ(int{decoder.header.destination.bytes[15]}, 1);
  CHECK_EQ(decoder.header.destination.port, 443);
}

// The checksum is the TypeScript encoder's, which HAProxy takes.
void ChecksTheChecksum(Decoder& decoder) {
  const std::string right = VersionTwo(0x21, 0x11, kIpv4Block + Bytes({3, 0, 4, 0x8b, 0x09, 0x73, 0x08}));
  CHECK(decoder.Decode(right) == ProxyHeaderStatus::kHeader);
  for (size_t bit = 16 * 8; bit < right.size() * 8; bit++) {
    std::string wrong = right;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << bit % 8));
    const bool is_checksum_type = bit / 8 == right.size() - 7;
    CHECK((decoder.Decode(wrong) == ProxyHeaderStatus::kMalformed) != is_checksum_type);
  }
}

void EveryPrefixIsIncomplete(Decoder& decoder) {
  for (const std::string& header : Headers()) {
    for (size_t size = 0; size < header.size(); size++) {
      CHECK(decoder.Decode(header.substr(0, size)) == ProxyHeaderStatus::kIncomplete);
      CHECK(decoder.header.needed_bytes > size && decoder.header.needed_bytes <= header.size());
    }
    for (const std::string& rest : {std::string(), std::string("\x16\x03\x01"), std::string(300, '\n')}) {
      CHECK(decoder.Decode(header + rest) == ProxyHeaderStatus::kHeader);
      CHECK_EQ(decoder.header.bytes, header.size());
    }
  }
}

void AnyBytesAreDecided(Decoder& decoder) {
  const std::vector<std::string> headers = Headers();
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 500'000; round++) {
    std::string input = headers[random() % headers.size()];
    for (unsigned changes = 1 + random() % 6; changes > 0 && !input.empty(); changes--) {
      const size_t at = random() % input.size();
      switch (random() % 4) {
        case 0:
          input[at] = static_cast<char>(random());
          break;
        case 1:
          input.erase(at, 1 + random() % 4);
          break;
        case 2:
          input.insert(at, 1 + random() % 4, static_cast<char>(random()));
          break;
        default:
          input.resize(at);
      }
    }
    const ProxyHeaderStatus status = decoder.Decode(input);
    if (status == ProxyHeaderStatus::kHeader) CHECK(decoder.header.bytes >= 15 && decoder.header.bytes <= input.size());
    if (status == ProxyHeaderStatus::kIncomplete) CHECK(decoder.header.needed_bytes > input.size());
  }
}

// Lengths that no ordinary header has: the longest TLV, and as many of the shortest as there can be.
void LongestHeaders(Decoder& decoder) {
  const std::string one = Bytes({4, 0xff, 0xf0}) + std::string(0xfff0, '\0');
  CHECK(decoder.Decode(VersionTwo(0x21, 0x11, kIpv4Block + one)) == ProxyHeaderStatus::kHeader);
  CHECK_EQ(decoder.header.bytes, kLongest);
  std::string many(0xffff - 12, '\0');
  CHECK(decoder.Decode(VersionTwo(0x21, 0x11, kIpv4Block + many)) == ProxyHeaderStatus::kHeader);
  many.pop_back();
  CHECK(decoder.Decode(VersionTwo(0x21, 0x11, kIpv4Block + many)) == ProxyHeaderStatus::kMalformed);
  CHECK(decoder.header.reason == MalformedProxyHeader::kTlvs);
}

}  // namespace

int main() {
  Decoder decoder;
  ReadsAddresses(decoder);
  ChecksTheChecksum(decoder);
  EveryPrefixIsIncomplete(decoder);
  AnyBytesAreDecided(decoder);
  LongestHeaders(decoder);
  return check::Finish();
}
