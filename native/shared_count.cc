#include "shared_count.h"

namespace sluice {

// Sequentially consistent throughout: of two processes that write their cells and then read the other's, one at least
// sees what the other has written.

bool SharedCount::TryHold(uint32_t held) {
  if (cells_ == nullptr) return true;
  const int32_t before = __atomic_load_n(&cells_[own_], __ATOMIC_SEQ_CST);
  Hold(held);
  if (Total() <= limit_) return true;
  Hold(static_cast<uint32_t>(before));
  return false;
}

void SharedCount::Hold(uint32_t held) {
  if (cells_ != nullptr) __atomic_store_n(&cells_[own_], static_cast<int32_t>(held), __ATOMIC_SEQ_CST);
}

bool SharedCount::HasRoom() const { return cells_ == nullptr || Total() < limit_; }

void SharedCount::SetWaiting(bool is_waiting) {
  if (cells_ != nullptr) __atomic_store_n(&cells_[processes_ + own_], is_waiting ? 1 : 0, __ATOMIC_SEQ_CST);
}

bool SharedCount::DoOthersWait() const {
  if (cells_ == nullptr) return false;
  for (uint32_t i = 0; i < processes_; i++) {
    if (i != own_ && __atomic_load_n(&cells_[processes_ + i], __ATOMIC_SEQ_CST) != 0) return true;
  }
  return false;
}

uint64_t SharedCount::Total() const {
  uint64_t total = 0;
  for (uint32_t i = 0; i < processes_; i++) {
    total += static_cast<uint32_t>(__atomic_load_n(&cells_[i], __ATOMIC_SEQ_CST));
  }
  return total;
}

}  // namespace sluice
