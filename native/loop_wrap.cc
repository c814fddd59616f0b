#include "loop_wrap.h"

namespace sluice {

namespace {

// One engine's set can hold the loop's descriptor, and no loop is known to two threads.
thread_local bool is_loop_waited_for = false;

void Nothing(uv_idle_t*) {}

}  // namespace

int LoopWrap::Enter(uv_loop_t* loop, Engine* engine, LoopGuest* guest) {
  loop_ = loop;
  guest_ = guest;
  const int status = is_loop_waited_for ? BeWatched(engine->poll_fd()) : WaitForLoop(engine);
  is_in_ = status == 0;
  return status;
}

int LoopWrap::WaitForLoop(Engine* engine) {
  const int status = engine->WatchLoop(uv_backend_fd(loop_));
  if (status != 0) return status;
  uv_check_init(loop_, &after_turn_);
  uv_idle_init(loop_, &never_blocking_);
  after_turn_.data = never_blocking_.data = this;
  uv_idle_start(&never_blocking_, Nothing);
  uv_check_start(&after_turn_, [](uv_check_t* handle) { static_cast<LoopWrap*>(handle->data)->Wait(); });
  is_waiting_ = is_loop_waited_for = true;
  return 0;
}

int LoopWrap::BeWatched(int poll_fd) {
  const int status = uv_poll_init(loop_, &readable_, poll_fd);
  if (status != 0) return status;
  readable_.data = this;
  return uv_poll_start(&readable_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<LoopWrap*>(handle->data)->guest_->TakeTurn(0);
  });
}

// Called when the loop has handled all that it knew of: nothing that it took from its set is left for later.
void LoopWrap::Wait() {
  while (is_in_) {
    const int wait_ms = Patience();
    if (guest_->TakeTurn(wait_ms) || wait_ms == 0) return;
  }
}

// How long the loop could block, in milliseconds; -1: until something happens. 0, too, while it has descriptors that
// are not in its set yet (libuv does that when it polls).
int LoopWrap::Patience() {
  uv_idle_stop(&never_blocking_);
  uv_update_time(loop_);
  const int wait_ms = uv_backend_timeout(loop_);
  uv_idle_start(&never_blocking_, Nothing);
  return wait_ms;
}

void LoopWrap::Leave() {
  if (!is_in_) return;
  is_in_ = false;
  if (!is_waiting_) return Close(reinterpret_cast<uv_handle_t*>(&readable_));
  is_waiting_ = is_loop_waited_for = false;
  Close(reinterpret_cast<uv_handle_t*>(&never_blocking_));
  Close(reinterpret_cast<uv_handle_t*>(&after_turn_));
}

void LoopWrap::Close(uv_handle_t* handle) {
  open_handles_++;
  uv_close(handle, [](uv_handle_t* closed) {
    auto* self = static_cast<LoopWrap*>(closed->data);
    if (--self->open_handles_ == 0) self->guest_->OnLeft();
  });
}

}  // namespace sluice
