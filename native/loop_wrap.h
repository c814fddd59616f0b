#pragma once

#include <uv.h>

#include "engine.h"

namespace sluice {

// Whose engine takes its turns in a loop.
class LoopGuest {
 public:
  // Runs the engine, waiting for events as Engine::Run does; returns what that returns.
  virtual bool TakeTurn(int wait_ms) = 0;
  // The loop holds nothing of it any more.
  virtual void OnLeft() = 0;

 protected:
  ~LoopGuest() = default;
};

// An engine's place in libuv's loop.
//
// The first engine of a thread waits in the loop's stead: libuv's epoll descriptor is in the engine's set, an idle handle
// keeps the loop from blocking, and whenever the loop has had its turn, the engine waits for both of them. An event for
// the engine then costs one epoll_wait and nothing of the loop, instead of libuv's, the engine's, and a turn of the loop
// around them. Another engine of the same thread is watched by the loop.
class LoopWrap {
 public:
  LoopWrap() = default;
  LoopWrap(const LoopWrap&) = delete;
  LoopWrap& operator=(const LoopWrap&) = delete;

  // 0 or -errno. `engine` and `guest` have to stay until OnLeft.
  int Enter(uv_loop_t* loop, Engine* engine, LoopGuest* guest);
  bool is_in() const { return is_in_; }
  // No turns from here on; OnLeft follows from the loop.
  void Leave();

 private:
  int WaitForLoop(Engine* engine);
  int BeWatched(int poll_fd);
  void Wait();
  int Patience();
  void Close(uv_handle_t* handle);

  uv_loop_t* loop_ = nullptr;
  LoopGuest* guest_ = nullptr;
  uv_check_t after_turn_;
  uv_idle_t never_blocking_;
  uv_poll_t readable_;
  int open_handles_ = 0;
  bool is_waiting_ = false;
  bool is_in_ = false;
};

}  // namespace sluice
