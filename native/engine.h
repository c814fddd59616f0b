#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "connection.h"
#include "fd.h"
#include "flow.h"
#include "pipe_pool.h"
#include "policy.h"
#include "shared_count.h"
#include "timers.h"

namespace sluice {

struct ListenerOptions {
  uint32_t hello_timeout_ms;
  uint32_t max_hello_bytes;
  bool asks_on_accept;
};

// A socket that connections are accepted from. `index` is the policy's name for it.
struct Listener {
  Fd fd;
  uint32_t index;
  ListenerOptions options;
};

struct EngineStats {
  uint64_t spliced_bytes = 0;
  uint64_t accept_failures = 0;  // accept4 ran out of descriptors or memory.
};

// One worker's data plane: an edge-triggered epoll set with all its sockets. One thread owns it and calls Run: over and
// over to wait in it, or, waiting elsewhere, when `poll_fd` is readable. Run returns when there is nothing left to do,
// or after its share of time, and then leaves `poll_fd` readable.
class Engine {
 public:
  // `scratch` is the policy's memory and outlives the engine: bytes under way pass through it.
  Engine(Policy* policy, uint8_t* scratch, size_t scratch_size);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Opens the epoll set: 0 or -errno. Nothing else may be called before it.
  int Open();

  int poll_fd() const { return epoll_.get(); }
  // Handles what has happened, or waits for it as epoll_wait(2) does: so many milliseconds, 0: not at all, -1: for ever.
  // True when the descriptor given to WatchLoop is readable.
  bool Run(int wait_ms = 0);
  // Run also returns when `fd`, the thread's other epoll descriptor, is readable: 0 or -errno.
  int WatchLoop(int fd);
  bool is_running() const { return is_running_; }
  // To be called after a connection was touched from outside of Run: sees to timers and flows that it left waiting.
  void Flush();

  // Takes a bound socket, makes it listen and non-blocking, and accepts from it: 0 or -errno, and then `fd` is closed.
  int Listen(uint32_t index, Fd fd, const ListenerOptions& options);
  void StopListening(uint32_t index);
  void SetMaxConnections(uint32_t most);
  // Counts live connections together with other processes from here on: past the limit none is accepted until one of
  // them, here or there, ends. The memory must outlive the engine, or Close.
  void ShareMaxConnections(const SharedCount& count);

  // Null when it has gone.
  Connection* Find(ConnectionId id);
  uint32_t live_connections() const { return live_connections_; }
  // Those that linger, too.
  uint32_t open_connections() const { return static_cast<uint32_t>(slabs_.size() * kSlabSize - free_slots_.size()); }
  // The ids of the live connections.
  std::vector<ConnectionId> Live() const;

  // Stops accepting and ends every connection with `outcome`.
  void Close(Outcome outcome);

  // For connections.
  Policy* policy() { return policy_; }
  FlowContext flow_context() {
    return {scratch_, scratch_size_, &pipes_, &stats_.spliced_bytes};
  }
  uint8_t* scratch() { return scratch_; }
  size_t scratch_size() const { return scratch_size_; }
  PipePool* pipes() { return &pipes_; }
  uint64_t now_ms() const { return now_us_ / 1000; }
  uint64_t now_us() const { return now_us_; }
  // The first whole millisecond that is `ms` away or more: no deadline comes early.
  uint64_t MsFromNow(uint32_t ms) const { return (now_us_ + 999) / 1000 + ms; }
  void RefreshClock();
  // This call of Run has lasted long enough: what can wait is queued for the next. As of the last RefreshClock.
  bool IsShareOver() const { return is_running_ && now_us_ >= share_end_us_; }
  // Puts a side into the set, 0 or -errno; and tells the set what is to be known of it from now on.
  int Watch(ConnectionId id, SideIndex index, const Side& side);
  void WatchAnew(ConnectionId id, SideIndex index, const Side& side);
  void ArmTimer(Connection* connection, uint64_t deadline_ms) { timers_.Arm(connection, deadline_ms); }
  void DisarmTimer(Connection* connection) { timers_.Disarm(connection); }
  void Queue(Connection* connection);
  // A connection is no longer live (it may linger): another may be accepted.
  void OnNotLive();
  void Free(Connection* connection);
  const EngineStats& stats() const { return stats_; }

 private:
  static constexpr uint32_t kSlabSize = 256;
  // Run gives the thread back after this long, so that timers and messages of the process get their turn. Accepting,
  // timers and the queue have as much for themselves each time, so that none of them waits for ever behind the others.
  static constexpr uint64_t kShareUs = 5000;
  // An epoll tag is generation << 32 | slot << 1 | side. No connection has this generation.
  static constexpr uint32_t kOwnGeneration = UINT32_MAX;
  static constexpr uint64_t kTimerTag = uint64_t{kOwnGeneration} << 32;
  static constexpr uint64_t kWakeTag = kTimerTag | 1;
  static constexpr uint64_t kListenerTag = kTimerTag | 2;  // Plus twice the listener's index.
  static constexpr uint64_t kLoopTag = kTimerTag | 3;      // Odd, as no listener's is.

  void Accept(Listener* listener);
  bool MayAccept() const { return live_connections_ < max_connections_; }
  Connection* Allocate();
  Connection* At(uint32_t slot) const { return &slabs_[slot / kSlabSize][slot % kSlabSize]; }
  void PauseAccepting();
  void ResumeAccepting();
  void ResumeUnlessOthersWait();
  void RetryAccepting();
  void AwaitRoom();
  bool RunTimers();
  void RunQueue();
  void ArmTimerFd();
  void Dispatch(uint64_t tag, uint32_t events);
  void Wake();

  Policy* policy_;
  uint8_t* scratch_;
  size_t scratch_size_;
  Fd epoll_;
  Fd timer_fd_;
  Fd wake_fd_;  // An eventfd that keeps `epoll_` readable while there is work that no socket will announce.
  uint64_t now_us_;
  uint64_t share_end_us_ = 0;
  TimerWheel timers_;
  TimerNode accept_retry_;  // Armed while accepting waits for descriptors, or for other processes' connections to end.
  uint64_t armed_wake_ms_ = UINT64_MAX;
  PipePool pipes_;
  std::vector<std::unique_ptr<Connection[]>> slabs_;
  std::vector<uint32_t> free_slots_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<ConnectionId> queue_;
  std::vector<ConnectionId> queue_in_turn_;
  uint32_t live_connections_ = 0;
  uint32_t max_connections_ = UINT32_MAX;
  SharedCount shared_count_;
  bool is_accepting_paused_ = false;
  bool is_running_ = false;
  bool is_loop_readable_ = false;
  EngineStats stats_;
};

}  // namespace sluice
