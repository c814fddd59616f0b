#include "connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "clock.h"
#include "engine.h"

namespace sluice {

namespace {

// How long a rejected client may take to see our FIN.
constexpr uint32_t kLingerMs = 1000;

constexpr uint32_t kGone = EPOLLERR | EPOLLHUP;

}  // namespace

// ---- what happens to it --------------------------------------------------------------------------------------------

void Connection::Start(Engine& engine, uint32_t listener, const ListenerOptions& options, Fd client_fd,
                       const Address& address) {
  listener_ = listener;
  max_hello_bytes_ = options.max_hello_bytes;
  client_address_ = address;
  accepted_us_ = engine.now_us();
  phase_ = Phase::kHello;
  client().fd = std::move(client_fd);
  client().readable = true;
  client().writable = true;
  engine.ArmTimer(this, engine.MsFromNow(options.hello_timeout_ms));

  if (options.asks_on_accept) {
    Answer answer;
    const ConnectionId asked = id_;
    engine.policy()->OnAccepted(View(), &answer);
    if (engine.Find(asked) != this) return;
    if (answer.kind == Answer::Kind::kReject) return Reject(engine, answer.how, answer.alert, answer.outcome);
    expects_proxy_header_ = answer.kind == Answer::Kind::kReadProxyHeader;
  }
  const ConnectionId started = id_;
  ReadPrefix(engine);
  // Only now, so that a hello which came with the connection is not announced once more.
  if (engine.Find(started) == this && Watch(engine, kClient) != 0) Abort(engine, Outcome::kRejected);
}

void Connection::OnEvent(Engine& engine, SideIndex index, uint32_t events) {
  Side& side = sides_[index];
  // A socket that an earlier event of the batch closed.
  if (!side.fd.is_open()) return;
  side.Note(events);
  switch (phase_) {
    case Phase::kFree:
      return;
    case Phase::kHello:
      return ReadPrefix(engine);
    case Phase::kDeciding:
      // A FIN alone (EPOLLRDHUP) is a half-close, passed on later; these say that the client was reset.
      if (events & kGone) Finish(engine, Outcome::kClientReset);
      return;
    case Phase::kDialing:
      if (index == kUpstream) return OnDialEvent(engine);
      if (events & kGone) Finish(engine, Outcome::kClientReset);
      return;
    case Phase::kForwarding:
      return OnForwardEvent(engine, index, events);
    case Phase::kResetting:
      if (events & kGone) Finish(engine, outcome_);
      return;
    case Phase::kLingering:
      return Discard(engine);
  }
}

void Connection::OnAnswer(Engine& engine, const Answer& answer) {
  if (phase_ != Phase::kDeciding) return;
  if (answer.kind == Answer::Kind::kDial) return Dial(engine, answer);
  if (answer.kind == Answer::Kind::kReject) return Reject(engine, answer.how, answer.alert, answer.outcome);
}

void Connection::OnTimer(Engine& engine) {
  switch (phase_) {
    case Phase::kFree:
    case Phase::kDeciding:
      return;
    case Phase::kHello:
      return Reject(engine, RejectHow::kClose, 0, Outcome::kHelloTimeout);
    case Phase::kDialing:
      return DialFailed(engine, ETIMEDOUT);
    case Phase::kForwarding:
      // Bytes moved since the timer was armed put the deadline off; nobody re-arms it for each of them.
      if (engine.now_ms() < ForwardDeadlineMs()) return engine.ArmTimer(this, ForwardDeadlineMs());
      for (const SideIndex side : {kClient, kUpstream}) {
        if (sides_[side].is_gone && FlowFrom(side).has_ended()) return static_cast<void>(PassResetOn(engine, side));
      }
      return Finish(engine, deadline_ms_ <= engine.now_ms() ? Outcome::kHalfClosedTimeout
                                                            : Outcome::kIdleTimeout);
    case Phase::kResetting:
      return PollSendQueue(engine);
    case Phase::kLingering:
      return Release(engine);
  }
}

void Connection::Continue(Engine& engine) {
  if (phase_ != Phase::kForwarding) return;
  if (PumpIfReady(engine, kClient)) PumpIfReady(engine, kUpstream);
}

// Whoever takes what he is sent is never asked whether he could take more: most clients, and all that are brief.
int Connection::Watch(Engine& engine, SideIndex index) {
  Side& side = sides_[index];
  side.is_watched = true;
  side.is_writable_watched = !side.writable;
  return engine.Watch(id_, index, side);
}

void Connection::WatchIfBlocked(Engine& engine, SideIndex index) {
  Side& side = sides_[index];
  if (side.writable || side.is_writable_watched || !side.is_watched) return;
  side.is_writable_watched = true;
  engine.WatchAnew(id_, index, side);
}

// Edge-triggered epoll tells whatever arrives, also when it has to wait until the other side takes more: a fast sender
// would wake the worker for each of its segments.
void Connection::MuteIfBlocked(Engine& engine, SideIndex index) {
  Side& side = sides_[index];
  const Side& other = sides_[Other(index)];
  const bool is_blocked = !other.writable || other.was_reset;
  if (side.is_muted || !is_blocked || prefix_) return;
  side.is_muted = true;
  engine.WatchAnew(id_, index, side);
}

// It has been read to the last byte: what arrives is told again, at once where it has arrived already.
void Connection::UnmuteIfDrained(Engine& engine, SideIndex index) {
  Side& side = sides_[index];
  if (!side.is_muted || side.readable) return;
  side.is_muted = false;
  engine.WatchAnew(id_, index, side);
}

// ---- the end -------------------------------------------------------------------------------------------------------

void Connection::Abort(Engine& engine, Outcome outcome) {
  if (!is_live()) return;
  if (client().fd.is_open()) client().fd.ResetOnClose();
  if (upstream().fd.is_open()) upstream().fd.ResetOnClose();
  Finish(engine, outcome);
}

// Reported at once: what the client still does changes nothing of the outcome.
void Connection::Reject(Engine& engine, RejectHow how, uint8_t alert, Outcome outcome) {
  if (how == RejectHow::kReset) return Abort(engine, outcome);
  Ending ending = MakeEnding(outcome);
  const Address address = client_address_;
  ending.client = &address;
  if (how == RejectHow::kAlert) {
    // RFC 8446 section 6: alert(21), legacy_record_version 0x0303, length 2, fatal(2), description.
    const uint8_t record[] = {21, 3, 3, 0, 2, 2, alert};
    ::send(client().fd.get(), record, sizeof(record), MSG_NOSIGNAL);
  }
  ::shutdown(client().fd.get(), SHUT_WR);
  engine.OnNotLive();
  Linger(engine);
  engine.policy()->OnEnded(ending);
}

// A close with bytes unread makes the kernel send RST, which would overtake the alert (RFC 1122 section 4.2.2.13):
// they are read and thrown away until the client ends too.
void Connection::Linger(Engine& engine) {
  phase_ = Phase::kLingering;
  upstream().fd.Close();
  up_.Drop(engine.pipes());
  down_.Drop(engine.pipes());
  prefix_.reset();
  header_.reset();
  client().readable = true;
  engine.ArmTimer(this, engine.MsFromNow(kLingerMs));
  Discard(engine);
}

void Connection::Discard(Engine& engine) {
  size_t discarded = 0;
  while (client().readable && discarded < Flow::kTurnBytes) {
    // MSG_TRUNC: the kernel drops the bytes instead of copying them (tcp(7)).
    const ssize_t size = ::recv(client().fd.get(), nullptr, Flow::kTurnBytes, MSG_TRUNC);
    if (size > 0) {
      discarded += static_cast<size_t>(size);
    } else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      client().readable = false;
    } else if (size == 0 || errno != EINTR) {
      return Release(engine);
    }
  }
  // Whoever floods a connection that was refused gets the RST after all.
  if (client().readable) Release(engine);
}

void Connection::Finish(Engine& engine, Outcome outcome) {
  Ending ending = MakeEnding(outcome);
  const Address address = client_address_;
  ending.client = &address;
  engine.OnNotLive();
  Release(engine);
  engine.policy()->OnEnded(ending);
}

void Connection::Release(Engine& engine) {
  engine.DisarmTimer(this);
  up_.Drop(engine.pipes());
  down_.Drop(engine.pipes());
  engine.Free(this);
}

ConnectionView Connection::View() const {
  return {id_, listener_, &client_address_, proxied_destination_.get()};
}

Ending Connection::MakeEnding(Outcome outcome) const {
  Ending ending;
  ending.id = id_;
  ending.listener = listener_;
  ending.client = &client_address_;
  ending.outcome = outcome;
  ending.bytes_up = up_.received_bytes;
  ending.bytes_down = down_.sent_bytes;
  ending.hello_ms = static_cast<double>(hello_us_) / 1000;
  ending.connect_ms = static_cast<double>(connect_us_) / 1000;
  ending.duration_ms = static_cast<double>(NowUs() - accepted_us_) / 1000;
  ending.attempts = attempts_;
  ending.ended_first = ended_first_;
  return ending;
}

}  // namespace sluice
