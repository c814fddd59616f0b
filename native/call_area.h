#pragma once

#include <cstddef>
#include <cstdint>

#include "policy.h"

namespace sluice {

// The memory through which the engine and JavaScript talk, so that a call carries no arguments: both sides read and
// write agreed places of typed arrays. The places stand in call_area.cc and src/data-plane/native-call-area.ts.
class CallArea {
 public:
  static constexpr size_t kCallCount = 64;
  static constexpr size_t kFigureCount = 8;

  // JavaScript's own memory; all of it outlives the area.
  struct Memory {
    uint8_t* scratch;  // What the engine reads through; a hello is shown here.
    size_t scratch_size;
    int32_t* calls;  // kCallCount of them.
    double* figures;  // kFigureCount of them.
    const uint8_t* header;  // A PROXY header to be sent, where an answer says so.
    size_t header_size;
  };

  CallArea() = default;
  explicit CallArea(const Memory& memory) : memory_(memory) {}

  void WriteView(const ConnectionView& connection);
  void WriteDestination(const Address& destination);
  void WriteHello(const Hello* hello);
  void WriteDialFailure(int error, double after_ms);
  void WriteEnding(const Ending& ending);
  void WriteProgress(uint64_t bytes_up, uint64_t bytes_down, double age_ms);

  // `header` of what it returns points into the area.
  Answer ReadAnswer() const;

 private:
  void WriteId(ConnectionId id, uint32_t listener, const Address& client);
  void WriteAddress(const Address& address, size_t at);

  Memory memory_ = {};
};

}  // namespace sluice
