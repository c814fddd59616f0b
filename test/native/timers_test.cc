#include "timers.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "check.h"

using sluice::TimerNode;
using sluice::TimerWheel;

namespace {

struct Timed : TimerNode {
  uint64_t deadline_ms = 0;
};

// Every timer fires once, not before its deadline and at most a tick after it, if the wheel is asked every tick.
void FiresInTimeAtEveryDistance() {
  constexpr uint64_t kStart = 1000003;
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Timed>> timers;
  for (uint64_t distance : {0, 1, 7, 8, 9, 500, 511, 512, 513, 5000, 32767, 32768, 32769, 100000, 3600000}) {
    timers.push_back(std::make_unique<Timed>());
    timers.back()->deadline_ms = kStart + distance;
    wheel.Arm(timers.back().get(), kStart + distance);
  }
  size_t fired = 0;
  for (uint64_t now = kStart; now < kStart + 3700000; now += TimerWheel::kTickMs) {
    while (TimerNode* node = wheel.PopDue(now)) {
      const auto* timer = static_cast<Timed*>(node);
      CHECK(now >= timer->deadline_ms);
      CHECK(now <= timer->deadline_ms + 3 * TimerWheel::kTickMs);
      fired++;
    }
  }
  CHECK_EQ(fired, timers.size());
  CHECK_EQ(wheel.NextWakeMs(), UINT64_MAX);
}

// Following NextWakeMs alone, as the engine does, also fires everything in time: against a plain list of deadlines.
void FiresInTimeWhenWokenOnlyWhenItAsks() {
  std::mt19937_64 random(7);
  uint64_t now = 5;
  TimerWheel wheel(now);
  std::vector<std::unique_ptr<Timed>> timers;
  for (int i = 0; i < 400; i++) timers.push_back(std::make_unique<Timed>());
  size_t fired = 0;
  size_t expected = 0;
  for (int round = 0; round < 4000; round++) {
    Timed& timer = *timers[random() % timers.size()];
    if (random() % 4 == 0) {
      if (timer.is_armed()) expected--;
      wheel.Disarm(&timer);
    } else {
      if (!timer.is_armed()) expected++;
      timer.deadline_ms = now + random() % (uint64_t{1} << (random() % 28));
      wheel.Arm(&timer, timer.deadline_ms);
    }
    if (random() % 3 != 0) continue;
    const uint64_t wake = wheel.NextWakeMs();
    if (wake == UINT64_MAX) continue;
    // Sometimes the thread comes late, sometimes it is woken for something else before.
    now = std::max(now, random() % 5 == 0 ? wake + random() % 1000 : wake - std::min<uint64_t>(wake, random() % 3));
    while (TimerNode* node = wheel.PopDue(now)) {
      CHECK(now >= static_cast<Timed*>(node)->deadline_ms);
      fired++;
      expected--;
    }
    for (const auto& each : timers) {
      if (each->is_armed()) CHECK(each->deadline_ms + 2 * TimerWheel::kTickMs > now);
    }
  }
  while (wheel.NextWakeMs() != UINT64_MAX) {
    now = std::max(now, wheel.NextWakeMs());
    while (wheel.PopDue(now) != nullptr) {
      fired++;
      expected--;
    }
  }
  CHECK_EQ(expected, size_t{0});
  CHECK(fired > 1000);
}

void KeepsDeadlinesBeyondItsSpan() {
  constexpr uint64_t kDay = 24 * 3600 * 1000;
  TimerWheel wheel(0);
  Timed timer;
  wheel.Arm(&timer, 10 * kDay);
  uint64_t now = 0;
  int wakes = 0;
  TimerNode* popped = nullptr;
  while (popped == nullptr && wakes < 100) {
    now = wheel.NextWakeMs();
    popped = wheel.PopDue(now);
    wakes++;
  }
  CHECK(popped == &timer);
  CHECK(now >= 10 * kDay);
  CHECK(now <= 10 * kDay + 2 * TimerWheel::kTickMs);
}

void LetsATimerBeDisarmedByAnotherThatFires() {
  TimerWheel wheel(0);
  Timed first;
  Timed second;
  wheel.Arm(&first, 100);
  wheel.Arm(&second, 100);
  CHECK(wheel.PopDue(200) == &first);
  wheel.Disarm(&second);
  CHECK(wheel.PopDue(200) == nullptr);
}

}  // namespace

int main() {
  FiresInTimeAtEveryDistance();
  FiresInTimeWhenWokenOnlyWhenItAsks();
  KeepsDeadlinesBeyondItsSpan();
  LetsATimerBeDisarmedByAnotherThatFires();
  return check::Finish();
}
