#include "connection.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include "clock.h"
#include "engine.h"
#include "proxy_header.h"

namespace sluice {

namespace {

constexpr uint8_t kAlertRecordOverflow = 22;
constexpr uint8_t kAlertDecodeError = 50;

// How long a rejected client may take to see our FIN.
constexpr uint32_t kLingerMs = 1000;
// How often the send queue is looked at before a reset is passed on; no event tells when it runs empty. The longer it
// takes, the less often.
constexpr uint64_t kLeastSendQueuePollMs = 8;
constexpr uint64_t kMostSendQueuePollMs = 1000;

// How long a side may take to end by itself after the other has ended and then reset.
constexpr uint32_t kOtherEndMs = 200;

// Moving this much takes long enough to look at the clock.
constexpr uint64_t kMuch = 128 * 1024;

constexpr uint32_t kGone = EPOLLERR | EPOLLHUP;

SideIndex Other(SideIndex side) { return side == kClient ? kUpstream : kClient; }

// The close(2) that follows sends RST and drops what is still in the send queue (socket(7), SO_LINGER).
void ResetOnClose(int fd) {
  const linger now = {1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

// Small messages go at once. The handshake's last ACK waits for the hello, which is at hand, and goes with it (tcp(7)).
void SetUpDial(int fd) {
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

Fd OpenSocket(int family) { return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)); }

}  // namespace

// ---- accept, PROXY header, hello -----------------------------------------------------------------------------------

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

// Whoever takes what he is sent is never asked whether he could take more: most clients, and all that are brief.
int Connection::Watch(Engine& engine, SideIndex index) {
  Side& side = sides_[index];
  side.is_watched = true;
  side.is_writable_watched = !side.writable;
  return engine.Watch(id_, index, side.fd.get(), side.is_writable_watched);
}

void Connection::WatchIfBlocked(Engine& engine, SideIndex index) {
  Side& side = sides_[index];
  if (side.writable || side.is_writable_watched || !side.is_watched) return;
  side.is_writable_watched = true;
  engine.WatchWritable(id_, index, side.fd.get());
}

void Connection::ReadPrefix(Engine& engine) {
  const ConnectionId reading = id_;
  while (engine.Find(reading) == this && phase_ == Phase::kHello && client().readable) {
    const ssize_t size = ::recv(client().fd.get(), engine.scratch(), engine.scratch_size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      client().readable = false;
      return;
    }
    if (size <= 0) return Finish(engine, Outcome::kClientClosedEarly);
    if (static_cast<size_t>(size) < engine.scratch_size() && !client().may_hide_more) client().readable = false;
    OnPrefixBytes(engine, engine.scratch(), static_cast<size_t>(size));
  }
}

// In the usual case the whole hello is there at once, is scanned where it was read, and is copied once, to be kept
// until there is an upstream to send it to.
void Connection::OnPrefixBytes(Engine& engine, const uint8_t* bytes, size_t size) {
  if (prefix_) {
    prefix_->bytes.insert(prefix_->bytes.end(), bytes, bytes + size);
    bytes = prefix_->bytes.data();
    size = prefix_->bytes.size();
  }
  if (expects_proxy_header_ && !TakeProxyHeader(engine, &bytes, &size)) return;
  up_.received_bytes = size;
  if (size == 0) return KeepPrefix(bytes, size, HelloScanner(max_hello_bytes_));

  HelloScanner fresh(max_hello_bytes_);
  HelloScanner& scanner = prefix_ ? prefix_->scanner : fresh;
  HelloFacts facts;
  switch (scanner.Scan(bytes, size, &facts)) {
    case HelloStatus::kIncomplete:
      return KeepPrefix(bytes, size, std::move(fresh));
    case HelloStatus::kMalformed:
      return Reject(engine, RejectHow::kAlert, kAlertDecodeError, Outcome::kMalformedHello);
    case HelloStatus::kTooLarge:
      return Reject(engine, RejectHow::kAlert, kAlertRecordOverflow, Outcome::kHelloTooLarge);
    case HelloStatus::kNotTls:
      KeepPrefix(bytes, size, HelloScanner(max_hello_bytes_));
      return AskPolicy(engine, nullptr);
    case HelloStatus::kComplete: {
      KeepPrefix(bytes, size, HelloScanner(max_hello_bytes_));
      const Hello hello = {scanner.message(), &facts};
      return AskPolicy(engine, &hello);
    }
  }
}

// True when the header has been taken off the front of `bytes`.
bool Connection::TakeProxyHeader(Engine& engine, const uint8_t** bytes, size_t* size) {
  ProxyHeader header;
  const ProxyHeaderStatus status = DecodeProxyHeader(*bytes, *size, &header);
  if (status == ProxyHeaderStatus::kIncomplete) {
    KeepPrefix(*bytes, *size, HelloScanner(max_hello_bytes_));
    return false;
  }
  if (status == ProxyHeaderStatus::kMalformed) {
    Reject(engine, RejectHow::kClose, 0, Outcome::kBadProxyHeader);
    return false;
  }
  expects_proxy_header_ = false;
  if (header.source.family != 0) {
    client_address_ = header.source;
    proxied_destination_ = std::make_unique<Address>(header.destination);
  }
  if (prefix_) {
    prefix_->bytes.erase(prefix_->bytes.begin(), prefix_->bytes.begin() + static_cast<ptrdiff_t>(header.bytes));
    *bytes = prefix_->bytes.data();
  } else {
    *bytes += header.bytes;
  }
  *size -= header.bytes;
  return true;
}

void Connection::KeepPrefix(const uint8_t* bytes, size_t size, HelloScanner&& scanner) {
  if (prefix_) return;
  prefix_ = std::make_unique<Prefix>(std::move(scanner));
  prefix_->bytes.assign(bytes, bytes + size);
}

void Connection::AskPolicy(Engine& engine, const Hello* hello) {
  phase_ = Phase::kDeciding;
  engine.DisarmTimer(this);
  if (hello != nullptr) hello_us_ = static_cast<int64_t>(NowUs() - accepted_us_);
  Answer answer;
  const ConnectionId asked = id_;
  engine.policy()->OnHello(View(), hello, &answer);
  if (engine.Find(asked) == this) OnAnswer(engine, answer);
}

// ---- decision and dialling -----------------------------------------------------------------------------------------

void Connection::OnAnswer(Engine& engine, const Answer& answer) {
  if (phase_ != Phase::kDeciding) return;
  if (answer.kind == Answer::Kind::kDial) return Dial(engine, answer);
  if (answer.kind == Answer::Kind::kReject) return Reject(engine, answer.how, answer.alert, answer.outcome);
}

void Connection::Dial(Engine& engine, const Answer& answer) {
  phase_ = Phase::kDialing;
  attempts_++;
  dialed_us_ = NowUs();
  if (attempts_ == 1) first_dial_us_ = dialed_us_;
  idle_timeout_ms_ = answer.idle_timeout_ms;
  half_closed_timeout_ms_ = answer.half_closed_timeout_ms;
  header_.reset();
  if (answer.header_size > 0) {
    header_ = std::make_unique<std::vector<uint8_t>>(answer.header, answer.header + answer.header_size);
  }

  const int family = answer.endpoint.family == 6 ? AF_INET6 : AF_INET;
  upstream() = Side();
  upstream().fd = OpenSocket(family);
  if (!upstream().fd.is_open() && engine.pipes()->Shed()) upstream().fd = OpenSocket(family);
  if (!upstream().fd.is_open()) return DialFailed(engine, errno);
  const int fd = upstream().fd.get();
  SetUpDial(fd);
  sockaddr_storage to;
  const socklen_t length = ToSockaddr(answer.endpoint, &to);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), length) != 0 && errno != EINPROGRESS) {
    return DialFailed(engine, errno);
  }
  // The kernel has shaken hands with itself by now, unless the other side's accept queue is full.
  upstream().writable = IsLoopback(answer.endpoint);
  const int error = Watch(engine, kUpstream);
  if (error != 0) return DialFailed(engine, -error);
  engine.RefreshClock();
  engine.ArmTimer(this, engine.MsFromNow(answer.connect_timeout_ms));
  if (upstream().writable) OnDialEvent(engine);
}

void Connection::DialFailed(Engine& engine, int error) {
  upstream().fd.Close();
  engine.DisarmTimer(this);
  phase_ = Phase::kDeciding;
  Answer answer;
  const ConnectionId asked = id_;
  const double after_ms = static_cast<double>(NowUs() - dialed_us_) / 1000;
  engine.policy()->OnDialFailed(View(), error, after_ms, &answer);
  if (engine.Find(asked) == this) OnAnswer(engine, answer);
}

// Sending is what tells whether the connection stands: it saves asking for SO_ERROR first.
void Connection::OnDialEvent(Engine& engine) {
  iovec parts[2];
  int count = 0;
  if (header_) parts[count++] = {header_->data(), header_->size()};
  parts[count++] = {prefix_->bytes.data(), prefix_->bytes.size()};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = static_cast<size_t>(count);
  ssize_t sent;
  do {
    sent = ::sendmsg(upstream().fd.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    upstream().writable = false;
    return WatchIfBlocked(engine, kUpstream);
  }
  if (sent < 0) return DialFailed(engine, errno == EPIPE ? ECONNRESET : errno);
  StartForwarding(engine, static_cast<size_t>(sent));
}

void Connection::StartForwarding(Engine& engine, size_t sent) {
  upstream().writable = sent == prefix_->bytes.size() + (header_ ? header_->size() : 0);
  if (!upstream().writable) HoldUnsent(sent);
  WatchIfBlocked(engine, kUpstream);
  header_.reset();

  engine.RefreshClock();
  connect_us_ = static_cast<int64_t>(engine.now_us() - first_dial_us_);
  phase_ = Phase::kForwarding;
  last_active_ms_ = engine.MsFromNow(0);
  deadline_ms_ = UINT64_MAX;
  engine.ArmTimer(this, ForwardDeadlineMs());
  if (PumpIfReady(engine, kClient)) PumpIfReady(engine, kUpstream);
}

void Connection::HoldUnsent(size_t sent) {
  std::vector<uint8_t> all;
  if (header_) all = *header_;
  all.insert(all.end(), prefix_->bytes.begin(), prefix_->bytes.end());
  up_.Hold(all.data() + sent, all.size() - sent);
}

// ---- forwarding ----------------------------------------------------------------------------------------------------

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
      return OnForwardEvent(engine, index);
    case Phase::kResetting:
      if (events & kGone) Finish(engine, outcome_);
      return;
    case Phase::kLingering:
      return Discard(engine);
  }
}

void Connection::OnForwardEvent(Engine& engine, SideIndex index) {
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
  const Side& left = client().fd.is_open() ? client() : upstream();
  int queued = 0;
  const bool is_known = ::ioctl(left.fd.get(), SIOCOUTQ, &queued) == 0;
  if (is_known && queued > 0 && engine.now_ms() < deadline_ms_) {
    const uint64_t now_ms = engine.MsFromNow(0);
    const uint64_t waited_ms = now_ms + half_closed_timeout_ms_ - deadline_ms_;
    const uint64_t pause_ms = std::clamp(waited_ms / 4, kLeastSendQueuePollMs, kMostSendQueuePollMs);
    engine.ArmTimer(this, std::min(now_ms + pause_ms, deadline_ms_));
    return;
  }
  ResetOnClose(left.fd.get());
  Finish(engine, outcome_);
}

void Connection::Continue(Engine& engine) {
  if (phase_ != Phase::kForwarding) return;
  if (PumpIfReady(engine, kClient)) PumpIfReady(engine, kUpstream);
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

// ---- the end -------------------------------------------------------------------------------------------------------

void Connection::Abort(Engine& engine, Outcome outcome) {
  if (!is_live()) return;
  if (client().fd.is_open()) ResetOnClose(client().fd.get());
  if (upstream().fd.is_open()) ResetOnClose(upstream().fd.get());
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
