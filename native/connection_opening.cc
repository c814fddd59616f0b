// A connection until both its sides stand: the PROXY header, the hello, the policy's answer, dialling.
#include "connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <utility>

#include "clock.h"
#include "engine.h"
#include "proxy_header.h"

namespace sluice {

namespace {

constexpr uint8_t kAlertRecordOverflow = 22;
constexpr uint8_t kAlertDecodeError = 50;

// Small messages go at once. The handshake's last ACK waits for the hello, which is at hand, and goes with it (tcp(7)).
void SetUpDial(int fd) {
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

Fd OpenSocket(int family) { return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)); }

}  // namespace

// ---- PROXY header and hello ----------------------------------------------------------------------------------------

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

// ---- dialling ------------------------------------------------------------------------------------------------------

void Connection::Dial(Engine& engine, const Answer& answer) {
  phase_ = Phase::kDialing;
  attempts_++;
  engine.RefreshClock();
  dialed_us_ = engine.now_us();
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

}  // namespace sluice
