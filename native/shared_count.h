#pragma once

#include <cstdint>

namespace sluice {

// What several processes hold of one limit. Each writes a cell of its own and reads all of them, so that what a dead
// process held is taken out by zeroing its cells. `cells` is memory that the processes share and outlives this.
class SharedCount {
 public:
  // No limit: every TryHold succeeds and no memory is touched.
  SharedCount() = default;
  // `cells`: first `processes` counts, then as many flags, each 1 while its process waits for others to let go.
  SharedCount(int32_t* cells, uint32_t processes, uint32_t own, uint32_t limit)
      : cells_(cells), processes_(processes), own_(own), limit_(limit) {}

  bool is_shared() const { return cells_ != nullptr; }

  // Makes `held` what this process holds, unless the processes together would then hold more than the limit. Two that
  // try for the last one in the same moment may both fail.
  bool TryHold(uint32_t held);
  // The same for what is less than before, or has to be.
  void Hold(uint32_t held);
  bool HasRoom() const;
  void SetWaiting(bool is_waiting);
  bool DoOthersWait() const;

 private:
  uint64_t Total() const;

  int32_t* cells_ = nullptr;
  uint32_t processes_ = 0;
  uint32_t own_ = 0;
  uint32_t limit_ = 0;
};

}  // namespace sluice
