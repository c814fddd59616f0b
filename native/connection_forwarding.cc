// A connection whose two sides stand, until one of them has ended it.
#include "connection.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "engine.h"

namespace sluice {

namespace {

// How often the send queue is looked at before a reset is passed on; no event tells when it runs empty. The longer it
// takes, the less often.
constexpr uint64_t kLeastSendQueuePollMs = 8;
constexpr uint64_t kMostSendQueuePollMs = 1000;

// How long a side may take to end by itself after the other has ended and then reset.
constexpr uint32_t kOtherEndMs = 200;

// Moving this much takes long enough to look at the clock.
constexpr uint64_t kMuch = 128 * 1024;

}  // namespace

void Connection::OnForwardEvent(Engine& engine, SideIndex index, uint32_t events) {
  if (events & EPOLLIN) MuteIfBlocked(engine, index);
  // Its FIN was passed on already, so no read comes across the reset.
  if (sides_[index].is_gone && FlowFrom(index).has_ended()) {
    if (PumpIfReady(engine, Other(index))) AwaitOtherEnd(engine);
  } else if (engine.IsShareOver()) {
    engine.Queue(this);
  } else if (PumpIfReady(engine, index)) {
    PumpIfReady(engine, Other(index));
  }
}

// False when the connection is no longer forwarding.
bool Connection::PumpIfReady(Engine& engine, SideIndex from) {
  const Flow& flow = FlowFrom(from);
  if (flow.has_ended() || (!flow.is_holding() && !sides_[from].readable)) return true;
  return Pump(engine, from);
}

bool Connection::Pump(Engine& engine, SideIndex from) {
  Flow& flow = FlowFrom(from);
  const uint64_t moved_before = flow.received_bytes + flow.sent_bytes;
  const Flow::Result result = flow.Pump(sides_[from], sides_[Other(from)], engine.flow_context());
  WatchIfBlocked(engine, Other(from));
  UnmuteIfDrained(engine, from);
  const uint64_t moved = flow.received_bytes + flow.sent_bytes - moved_before;
  if (moved >= kMuch) engine.RefreshClock();
  if (moved > 0) last_active_ms_ = engine.MsFromNow(0);
  if (prefix_ && !IsPrefixAll()) prefix_.reset();
  switch (result) {
    case Flow::Result::kBlocked:
      return true;
    case Flow::Result::kYielded:
      engine.Queue(this);
      return true;
    case Flow::Result::kEnded:
      return OnFlowEnded(engine, from);
    case Flow::Result::kFromReset:
      return PassResetOn(engine, from);
    case Flow::Result::kToReset: {
      // What the reset side had sent before is still to be read, and passed on first.
      const SideIndex reset_side = Other(from);
      if (FlowFrom(reset_side).has_ended() || sides_[from].was_reset) return PassResetOn(engine, reset_side);
      return Pump(engine, reset_side);
    }
  }
  return true;
}

bool Connection::OnFlowEnded(Engine& engine, SideIndex from) {
  NoteEnd(from);
  if (up_.has_ended() && down_.has_ended()) {
    // Closing sends the other FIN.
    Finish(engine, Outcome::kOk);
    return false;
  }
  // Fails only where that side is gone already, which its own events tell.
  ::shutdown(sides_[Other(from)].fd.get(), SHUT_WR);
  if (sides_[from].is_gone) {
    AwaitOtherEnd(engine);
    return true;
  }
  deadline_ms_ = engine.MsFromNow(half_closed_timeout_ms_);
  engine.ArmTimer(this, ForwardDeadlineMs());
  return true;
}

// One side has ended and then reset. Clients of TLS do so when they close without waiting for the close_notify that is
// on its way, and the other side ends by itself at once; where it does not, it is reset too.
void Connection::AwaitOtherEnd(Engine& engine) {
  deadline_ms_ = std::min(deadline_ms_, engine.MsFromNow(kOtherEndMs));
  engine.ArmTimer(this, ForwardDeadlineMs());
}

uint64_t Connection::ForwardDeadlineMs() const {
  return std::min(deadline_ms_, last_active_ms_ + idle_timeout_ms_);
}

// All that the reset side sent has been handed to the other one. A reset drops what still waits in the send queue,
// so that has to run empty first. Returns false: the connection is no longer forwarding.
bool Connection::PassResetOn(Engine& engine, SideIndex reset_side) {
  outcome_ = reset_side == kClient ? Outcome::kClientReset : Outcome::kUpstreamReset;
  sides_[reset_side].fd.Close();
  up_.Drop(engine.pipes());
  down_.Drop(engine.pipes());
  const Side& other = sides_[Other(reset_side)];
  const bool is_other_gone = other.was_reset || other.is_gone;
  if (reset_side == kUpstream && prefix_ && !is_other_gone) {
    // Neither flow has moved anything. Its own event brought us here, as nothing else makes us send to an upstream that
    // has the prefix alone: the batch holds no other event of the closed socket that could be taken for the next one's.
    DialFailed(engine, ECONNRESET);
    return false;
  }
  NoteEnd(reset_side);
  if (is_other_gone) {
    Finish(engine, outcome_);
    return false;
  }
  phase_ = Phase::kResetting;
  deadline_ms_ = engine.MsFromNow(half_closed_timeout_ms_);
  PollSendQueue(engine);
  return false;
}

// The upstream has not been heard of, and has been given nothing but the prefix: another could take its place.
bool Connection::IsPrefixAll() const {
  return down_.received_bytes == 0 && !down_.has_ended() && !up_.has_ended() &&
         up_.received_bytes == prefix_->bytes.size();
}

void Connection::NoteEnd(SideIndex side) {
  if (ended_first_ != EndedFirst::kNeither) return;
  ended_first_ = side == kClient ? EndedFirst::kClient : EndedFirst::kUpstream;
}

void Connection::PollSendQueue(Engine& engine) {
  Side& left = client().fd.is_open() ? client() : upstream();
  int queued = 0;
  const bool is_known = ::ioctl(left.fd.get(), SIOCOUTQ, &queued) == 0;
  if (is_known && queued > 0 && engine.now_ms() < deadline_ms_) {
    const uint64_t now_ms = engine.MsFromNow(0);
    const uint64_t waited_ms = now_ms + half_closed_timeout_ms_ - deadline_ms_;
    const uint64_t pause_ms = std::clamp(waited_ms / 4, kLeastSendQueuePollMs, kMostSendQueuePollMs);
    engine.ArmTimer(this, std::min(now_ms + pause_ms, deadline_ms_));
    return;
  }
  left.fd.ResetOnClose();
  Finish(engine, outcome_);
}

}  // namespace sluice
