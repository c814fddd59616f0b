#include "engine.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "clock.h"

namespace sluice {

namespace {

constexpr int kBatch = 256;

}  // namespace

Engine::Engine(Policy* policy, uint8_t* scratch, size_t scratch_size)
    : policy_(policy),
      scratch_(scratch),
      scratch_size_(scratch_size),
      now_us_(NowUs()),
      timers_(now_us_ / 1000) {}

Engine::~Engine() = default;

int Engine::Open() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.is_open()) return -errno;
  timer_fd_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer_fd_.is_open()) return -errno;
  wake_fd_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd_.is_open()) return -errno;
  epoll_event timer = {EPOLLIN | EPOLLET, {.u64 = kTimerTag}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_fd_.get(), &timer) != 0) return -errno;
  epoll_event wake = {EPOLLIN | EPOLLET, {.u64 = kWakeTag}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_fd_.get(), &wake) != 0) return -errno;
  return 0;
}

void Engine::RefreshClock() { now_us_ = NowUs(); }

// ---- the loop ------------------------------------------------------------------------------------------------------

int Engine::WatchLoop(int fd) {
  epoll_event event = {EPOLLIN, {.u64 = kLoopTag}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

bool Engine::Run(int wait_ms) {
  epoll_event events[kBatch];
  int count = ::epoll_wait(epoll_.get(), events, kBatch, wait_ms);
  is_running_ = true;
  is_loop_readable_ = false;
  RefreshClock();
  share_end_us_ = now_us_ + kShareUs;
  bool has_more;
  for (;;) {
    for (int i = 0; i < count; i++) Dispatch(events[i].data.u64, events[i].events);
    const bool has_due_timers = !RunTimers();
    RunQueue();
    has_more = has_due_timers || !queue_.empty();
    if (count < kBatch && !has_more) break;
    RefreshClock();
    if (IsShareOver()) break;
    count = ::epoll_wait(epoll_.get(), events, kBatch, 0);
  }
  is_running_ = false;
  if (has_more) Wake();
  ArmTimerFd();
  return is_loop_readable_;
}

void Engine::Flush() {
  if (!queue_.empty()) Wake();
  ArmTimerFd();
}

void Engine::Dispatch(uint64_t tag, uint32_t events) {
  const uint32_t generation = static_cast<uint32_t>(tag >> 32);
  const uint32_t low = static_cast<uint32_t>(tag);
  if (generation != kOwnGeneration) {
    // A connection that ended earlier in this batch is no longer found, even when its slot is in use again.
    Connection* connection = Find({low >> 1, generation});
    if (connection != nullptr) connection->OnEvent(*this, static_cast<SideIndex>(low & 1), events);
    return;
  }
  // Edge-triggered and armed anew by a change: neither the timer nor the eventfd needs to be read.
  if (tag == kTimerTag) {
    armed_wake_ms_ = UINT64_MAX;
    return;
  }
  if (tag == kWakeTag) return;
  if (tag == kLoopTag) {
    is_loop_readable_ = true;
    return;
  }
  const uint32_t index = (low - 2) / 2;
  for (const auto& listener : listeners_) {
    if (listener->index == index) return Accept(listener.get());
  }
}

// False when some that are due have to wait.
bool Engine::RunTimers() {
  uint64_t end_us = 0;
  while (TimerNode* node = timers_.PopDue(now_ms())) {
    if (end_us == 0) end_us = NowUs() + kShareUs;
    if (node == &accept_retry_) {
      RetryAccepting();
    } else {
      static_cast<Connection*>(node)->OnTimer(*this);
    }
    RefreshClock();
    if (now_us_ >= end_us) return false;
  }
  return true;
}

void Engine::RunQueue() {
  if (queue_.empty()) return;
  const uint64_t end_us = NowUs() + kShareUs;
  queue_in_turn_.swap(queue_);
  size_t taken = 0;
  while (taken < queue_in_turn_.size() && now_us_ < end_us) {
    Connection* connection = Find(queue_in_turn_[taken++]);
    if (connection == nullptr) continue;
    connection->is_queued = false;
    connection->Continue(*this);
    RefreshClock();
  }
  // What had no turn comes before what was queued meanwhile.
  queue_.insert(queue_.begin(), queue_in_turn_.begin() + static_cast<ptrdiff_t>(taken), queue_in_turn_.end());
  queue_in_turn_.clear();
}

void Engine::Queue(Connection* connection) {
  if (connection->is_queued) return;
  connection->is_queued = true;
  queue_.push_back(connection->id());
}

void Engine::Wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof(one));
}

void Engine::ArmTimerFd() {
  const uint64_t wake_ms = timers_.NextWakeMs();
  if (wake_ms >= armed_wake_ms_) return;
  armed_wake_ms_ = wake_ms;
  itimerspec at = {};
  at.it_value.tv_sec = static_cast<time_t>(wake_ms / 1000);
  at.it_value.tv_nsec = static_cast<long>((wake_ms % 1000) * 1000000);
  ::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

namespace {

epoll_event SideEvent(ConnectionId id, SideIndex index, const Side& side) {
  const uint32_t arrivals = side.is_muted ? 0 : uint32_t{EPOLLIN | EPOLLPRI};
  const uint32_t writable = side.is_writable_watched ? uint32_t{EPOLLOUT} : 0;
  const uint64_t tag = uint64_t{id.generation} << 32 | uint64_t{id.slot} << 1 | index;
  return {arrivals | writable | EPOLLRDHUP | EPOLLET, {.u64 = tag}};
}

}  // namespace

int Engine::Watch(ConnectionId id, SideIndex index, const Side& side) {
  epoll_event event = SideEvent(id, index, side);
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, side.fd.get(), &event) == 0 ? 0 : -errno;
}

void Engine::WatchAnew(ConnectionId id, SideIndex index, const Side& side) {
  epoll_event event = SideEvent(id, index, side);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, side.fd.get(), &event);
}

// ---- connections ---------------------------------------------------------------------------------------------------

Connection* Engine::Allocate() {
  if (free_slots_.empty()) {
    const uint32_t first = static_cast<uint32_t>(slabs_.size()) * kSlabSize;
    slabs_.push_back(std::make_unique<Connection[]>(kSlabSize));
    for (uint32_t i = kSlabSize; i > 0; i--) free_slots_.push_back(first + i - 1);
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Connection* connection = At(slot);
  connection->Name({slot, connection->id().generation + 1});
  return connection;
}

Connection* Engine::Find(ConnectionId id) {
  if (id.slot >= slabs_.size() * kSlabSize) return nullptr;
  Connection* connection = At(id.slot);
  return connection->id().generation == id.generation && !connection->is_free() ? connection : nullptr;
}

std::vector<ConnectionId> Engine::Live() const {
  std::vector<ConnectionId> live;
  live.reserve(live_connections_);
  for (uint32_t slot = 0; slot < slabs_.size() * kSlabSize; slot++) {
    if (At(slot)->is_live()) live.push_back(At(slot)->id());
  }
  return live;
}

void Engine::OnNotLive() {
  live_connections_--;
  shared_count_.Hold(live_connections_);
  ResumeUnlessOthersWait();
}

void Engine::Free(Connection* connection) {
  ConnectionId id = connection->id();
  *connection = Connection();
  // kOwnGeneration is the engine's.
  if (id.generation == kOwnGeneration - 1) id.generation = 0;
  connection->Name(id);
  free_slots_.push_back(id.slot);
  ResumeUnlessOthersWait();
}

void Engine::Close(Outcome outcome) {
  while (!listeners_.empty()) StopListening(listeners_.back()->index);
  for (const ConnectionId id : Live()) {
    Connection* connection = Find(id);
    if (connection != nullptr) connection->Abort(*this, outcome);
  }
  for (uint32_t slot = 0; slot < slabs_.size() * kSlabSize; slot++) {
    if (!At(slot)->is_free()) At(slot)->Release(*this);
  }
  ShareMaxConnections(SharedCount());
}

}  // namespace sluice
