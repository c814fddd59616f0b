#include "call_area.h"

#include <algorithm>
#include <cstring>

#include "client_hello.h"

namespace sluice {

namespace {

// An address takes six places: family (4, 6, or 0 for none), port, and 16 bytes in network order.
enum Call : size_t {
  kSlot = 0,
  kGeneration = 1,
  kListener = 2,
  kClient = 3,
  kDestination = 9,  // None: no PROXY header gave one, the socket's own address is meant.
  kMessageOffset = 15,  // Into scratch; -1: not TLS.
  kErrno = 16,
  kOutcome = 17,
  kAttempts = 18,
  kEndedFirst = 19,
  kFacts = 20,  // kHelloFactCount of them

  kAnswerKind = 48,
  kAnswerEndpoint = 49,
  kAnswerConnectTimeoutMs = 55,
  kAnswerIdleTimeoutMs = 56,
  kAnswerHalfClosedTimeoutMs = 57,
  kAnswerHeaderSize = 58,
  kAnswerHow = 59,
  kAnswerAlert = 60,
  kAnswerOutcome = 61,
};

static_assert(kFacts + kHelloFactCount <= kAnswerKind, "the facts fit in front of the answer");
static_assert(kAnswerOutcome < CallArea::kCallCount, "the answer fits");

enum Figure : size_t {
  kBytesUp = 0,
  kBytesDown = 1,
  kHelloMs = 2,
  kConnectMs = 3,
  kDurationMs = 4,
  kAfterMs = 5,
};

}  // namespace

void CallArea::WriteView(const ConnectionView& connection) {
  WriteId(connection.id, connection.listener, *connection.client);
  WriteDestination(connection.destination == nullptr ? Address() : *connection.destination);
}

void CallArea::WriteDestination(const Address& destination) { WriteAddress(destination, kDestination); }

// A hello that was read at once lies in scratch already; a reassembled one is copied there.
void CallArea::WriteHello(const Hello* hello) {
  if (hello == nullptr) {
    memory_.calls[kMessageOffset] = -1;
    return;
  }
  size_t offset = 0;
  if (hello->message >= memory_.scratch && hello->message < memory_.scratch + memory_.scratch_size) {
    offset = static_cast<size_t>(hello->message - memory_.scratch);
  } else {
    const size_t size = static_cast<size_t>(hello->facts->message_bytes);
    std::memcpy(memory_.scratch, hello->message, std::min(size, memory_.scratch_size));
  }
  memory_.calls[kMessageOffset] = static_cast<int32_t>(offset);
  std::memcpy(&memory_.calls[kFacts], hello->facts, sizeof(HelloFacts));
}

void CallArea::WriteDialFailure(int error, double after_ms) {
  memory_.calls[kErrno] = error;
  memory_.figures[kAfterMs] = after_ms;
}

void CallArea::WriteEnding(const Ending& ending) {
  WriteId(ending.id, ending.listener, *ending.client);
  memory_.calls[kOutcome] = static_cast<int32_t>(ending.outcome);
  memory_.calls[kAttempts] = static_cast<int32_t>(ending.attempts);
  memory_.calls[kEndedFirst] = static_cast<int32_t>(ending.ended_first);
  memory_.figures[kHelloMs] = ending.hello_ms;
  memory_.figures[kConnectMs] = ending.connect_ms;
  WriteProgress(ending.bytes_up, ending.bytes_down, ending.duration_ms);
}

void CallArea::WriteProgress(uint64_t bytes_up, uint64_t bytes_down, double age_ms) {
  memory_.figures[kBytesUp] = static_cast<double>(bytes_up);
  memory_.figures[kBytesDown] = static_cast<double>(bytes_down);
  memory_.figures[kDurationMs] = age_ms;
}

void CallArea::WriteId(ConnectionId id, uint32_t listener, const Address& client) {
  memory_.calls[kSlot] = static_cast<int32_t>(id.slot);
  memory_.calls[kGeneration] = static_cast<int32_t>(id.generation);
  memory_.calls[kListener] = static_cast<int32_t>(listener);
  WriteAddress(client, kClient);
}

void CallArea::WriteAddress(const Address& address, size_t at) {
  memory_.calls[at] = address.family;
  memory_.calls[at + 1] = address.port;
  std::memcpy(&memory_.calls[at + 2], address.bytes, sizeof(address.bytes));
}

Answer CallArea::ReadAnswer() const {
  const int32_t* calls = memory_.calls;
  Answer answer;
  answer.kind = static_cast<Answer::Kind>(calls[kAnswerKind]);
  answer.endpoint.family = static_cast<uint8_t>(calls[kAnswerEndpoint]);
  answer.endpoint.port = static_cast<uint16_t>(calls[kAnswerEndpoint + 1]);
  std::memcpy(answer.endpoint.bytes, &calls[kAnswerEndpoint + 2], sizeof(answer.endpoint.bytes));
  answer.connect_timeout_ms = static_cast<uint32_t>(calls[kAnswerConnectTimeoutMs]);
  answer.idle_timeout_ms = static_cast<uint32_t>(calls[kAnswerIdleTimeoutMs]);
  answer.half_closed_timeout_ms = static_cast<uint32_t>(calls[kAnswerHalfClosedTimeoutMs]);
  answer.header = memory_.header;
  answer.header_size = std::min(static_cast<size_t>(calls[kAnswerHeaderSize]), memory_.header_size);
  answer.how = static_cast<RejectHow>(calls[kAnswerHow]);
  answer.alert = static_cast<uint8_t>(calls[kAnswerAlert]);
  answer.outcome = static_cast<Outcome>(calls[kAnswerOutcome]);
  return answer;
}

}  // namespace sluice
