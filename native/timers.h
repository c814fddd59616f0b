#pragma once

#include <array>
#include <cstdint>

namespace sluice {

// What a timed object derives from. It may stand in one wheel at a time and must leave it before it goes.
struct TimerNode {
  TimerNode* next = nullptr;
  TimerNode* previous = nullptr;
  uint64_t due_tick = 0;

  bool is_armed() const { return next != nullptr; }
};

// A hierarchical timing wheel (Varghese & Lauck): arming and disarming are constant time and allocate nothing.
// A timer fires at its deadline or up to one tick after, never before.
class TimerWheel {
 public:
  static constexpr uint64_t kTickMs = 8;

  explicit TimerWheel(uint64_t now_ms);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms or re-arms.
  void Arm(TimerNode* node, uint64_t deadline_ms);
  void Disarm(TimerNode* node);

  // Takes one timer that is due out of the wheel, or returns null when none is left that is due at `now_ms`.
  TimerNode* PopDue(uint64_t now_ms);

  // When PopDue should be called next, in milliseconds on the caller's clock; UINT64_MAX with nothing armed.
  uint64_t NextWakeMs() const;

 private:
  static constexpr int kLevels = 4;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;

  struct Level {
    uint64_t occupied = 0;
    std::array<TimerNode, kSlots> slots;  // List heads; an empty list points at itself.
  };

  void Place(TimerNode* node);
  void Advance();
  uint64_t NextTick() const;

  uint64_t current_tick_;
  std::array<Level, kLevels> levels_;
};

}  // namespace sluice
