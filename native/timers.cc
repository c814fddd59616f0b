#include "timers.h"

#include <algorithm>

namespace sluice {

TimerWheel::TimerWheel(uint64_t now_ms) : current_tick_(now_ms / kTickMs) {
  for (Level& level : levels_) {
    for (TimerNode& head : level.slots) head.next = head.previous = &head;
  }
}

void TimerWheel::Arm(TimerNode* node, uint64_t deadline_ms) {
  Disarm(node);
  // Rounded up so that nothing fires early; a deadline in the past is due at the next tick.
  node->due_tick = std::max((deadline_ms + kTickMs - 1) / kTickMs, current_tick_ + 1);
  Place(node);
}

// A list that runs empty leaves its bit set; the bit is cleared when the wheel comes by.
void TimerWheel::Disarm(TimerNode* node) {
  if (!node->is_armed()) return;
  node->previous->next = node->next;
  node->next->previous = node->previous;
  node->next = node->previous = nullptr;
}

// A level holds what is due within its span: level n has 64 slots of 64^n ticks.
void TimerWheel::Place(TimerNode* node) {
  constexpr uint64_t kSpan = uint64_t{1} << (kSlotBits * kLevels);
  const uint64_t last_tick = current_tick_ + kSpan - (kSpan >> kSlotBits);
  const uint64_t tick = std::min(node->due_tick, last_tick);
  const uint64_t delta = tick - current_tick_;
  int level = 0;
  while (level < kLevels - 1 && (delta >> (kSlotBits * (level + 1))) != 0) level++;
  const int slot = (tick >> (kSlotBits * level)) & (kSlots - 1);
  TimerNode* head = &levels_[level].slots[slot];
  node->next = head;
  node->previous = head->previous;
  head->previous->next = node;
  head->previous = node;
  levels_[level].occupied |= uint64_t{1} << slot;
}

// The next tick at which a slot of any level comes up: to fire (level 0) or to be spread over the level below.
uint64_t TimerWheel::NextTick() const {
  uint64_t next = UINT64_MAX;
  for (int level = 0; level < kLevels; level++) {
    const uint64_t occupied = levels_[level].occupied;
    if (occupied == 0) continue;
    const int shift = kSlotBits * level;
    const uint64_t position = current_tick_ >> shift;
    // Slots ahead of the position, nearest first: the slot at the position itself came up already, so it is
    // one whole turn away.
    const int first = static_cast<int>((position + 1) & (kSlots - 1));
    const uint64_t ahead = first == 0 ? occupied : (occupied >> first) | (occupied << (kSlots - first));
    next = std::min(next, (position + 1 + static_cast<uint64_t>(__builtin_ctzll(ahead))) << shift);
  }
  return next;
}

uint64_t TimerWheel::NextWakeMs() const {
  const uint64_t next = NextTick();
  return next == UINT64_MAX ? UINT64_MAX : next * kTickMs;
}

// Moves to the next tick that matters and spreads the slots of the higher levels that come up there.
void TimerWheel::Advance() {
  current_tick_ = NextTick();
  for (int level = kLevels - 1; level > 0; level--) {
    const int shift = kSlotBits * level;
    if ((current_tick_ & ((uint64_t{1} << shift) - 1)) != 0) continue;
    const int slot = (current_tick_ >> shift) & (kSlots - 1);
    levels_[level].occupied &= ~(uint64_t{1} << slot);
    TimerNode* head = &levels_[level].slots[slot];
    TimerNode* node = head->next;
    head->next = head->previous = head;
    while (node != head) {
      TimerNode* following = node->next;
      Place(node);
      node = following;
    }
  }
}

TimerNode* TimerWheel::PopDue(uint64_t now_ms) {
  const uint64_t now_tick = now_ms / kTickMs;
  for (;;) {
    const int slot = current_tick_ & (kSlots - 1);
    TimerNode* head = &levels_[0].slots[slot];
    if (head->next != head && head->next->due_tick <= current_tick_) {
      TimerNode* node = head->next;
      Disarm(node);
      return node;
    }
    if (head->next == head) levels_[0].occupied &= ~(uint64_t{1} << slot);
    if (NextTick() > now_tick) {
      current_tick_ = std::max(current_tick_, std::min(now_tick, NextTick() - 1));
      return nullptr;
    }
    Advance();
  }
}

}  // namespace sluice
