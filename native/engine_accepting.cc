// The half of the engine that accepts.
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "clock.h"

namespace sluice {

namespace {

// Connections accepted before the established ones get their turn. Few: what one that ends gives back is still in the
// core's caches when the next one takes it (3 % less than with 64 at a time).
constexpr int kAcceptsPerTurn = 8;
// accept4 ran out of descriptors or memory: when it is tried again, if nothing comes free before.
constexpr uint64_t kAcceptRetryMs = 100;
// Another process's ending wakes nobody here: how often a process looks whether there is room again.
constexpr uint64_t kRoomRetryMs = TimerWheel::kTickMs;
constexpr int kBacklog = 4096;  // The kernel takes net.core.somaxconn when that is less.

bool IsOutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool IsSomebodyInQueue(int listening_fd) {
  pollfd queue = {listening_fd, POLLIN, 0};
  return ::poll(&queue, 1, 0) > 0;
}

}  // namespace

int Engine::Listen(uint32_t index, Fd fd, const ListenerOptions& options) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) return -errno;
  // Accepted sockets inherit it (tcp(7)), which saves a call for each.
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::listen(fd.get(), kBacklog) != 0) return -errno;
  // Level-triggered: what a turn leaves in the accept queue is announced again.
  epoll_event event = {is_accepting_paused_ ? 0u : EPOLLIN, {.u64 = kListenerTag + 2 * uint64_t{index}}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return -errno;
  listeners_.push_back(std::make_unique<Listener>(Listener{std::move(fd), index, options}));
  if (is_accepting_paused_) {
    timers_.Arm(&accept_retry_, now_ms() + kRoomRetryMs);
    ArmTimerFd();
  }
  return 0;
}

void Engine::StopListening(uint32_t index) {
  const auto is_it = [index](const auto& listener) { return listener->index == index; };
  const auto found = std::find_if(listeners_.begin(), listeners_.end(), is_it);
  if (found == listeners_.end()) return;
  // The supervisor holds the same open file, so closing this descriptor would not take it out of the set.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, (*found)->fd.get(), nullptr);
  listeners_.erase(found);
}

void Engine::Accept(Listener* listener) {
  const uint32_t index = listener->index;
  const ListenerOptions options = listener->options;
  const int listening_fd = listener->fd.get();
  const uint64_t end_us = NowUs() + kShareUs;
  for (int i = 0; i < kAcceptsPerTurn && now_us_ < end_us; i++) {
    if (!MayAccept()) return PauseAccepting();
    if (!shared_count_.TryHold(live_connections_ + 1)) {
      if (!IsSomebodyInQueue(listening_fd)) return;  // The next to come is announced.
      AwaitRoom();
      return PauseAccepting();
    }
    sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    Fd client(::accept4(listening_fd, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.is_open()) {
      shared_count_.Hold(live_connections_);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (IsOutOfResources(errno)) {
        if (pipes_.Shed()) continue;
        stats_.accept_failures++;
        timers_.Arm(&accept_retry_, now_ms() + kAcceptRetryMs);
        return PauseAccepting();
      }
      // The connection in front failed before it was taken (ECONNABORTED and others, accept(2)): on to the next.
      continue;
    }
    RefreshClock();
    Connection* connection = Allocate();
    live_connections_++;
    connection->Start(*this, index, options, std::move(client), FromSockaddr(peer));
    // The policy may have stopped this listener, and another may be where it was.
    if (std::none_of(listeners_.begin(), listeners_.end(), [&](const auto& l) { return l->index == index; })) return;
  }
}

void Engine::SetMaxConnections(uint32_t most) {
  max_connections_ = most;
  ResumeAccepting();
}

void Engine::ShareMaxConnections(const SharedCount& count) {
  shared_count_.SetWaiting(false);
  // Not where it goes on: for a moment the others would have too much room.
  if (!count.is_shared()) shared_count_.Hold(0);
  shared_count_ = count;
  shared_count_.Hold(live_connections_);
  ResumeAccepting();
}

void Engine::PauseAccepting() {
  if (std::exchange(is_accepting_paused_, true)) return;
  for (const auto& listener : listeners_) {
    epoll_event none = {0, {.u64 = kListenerTag + 2 * uint64_t{listener->index}}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener->fd.get(), &none);
  }
}

void Engine::ResumeAccepting() {
  if (!is_accepting_paused_ || !MayAccept()) return;
  is_accepting_paused_ = false;
  timers_.Disarm(&accept_retry_);
  shared_count_.SetWaiting(false);
  for (const auto& listener : listeners_) {
    epoll_event event = {EPOLLIN, {.u64 = kListenerTag + 2 * uint64_t{listener->index}}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener->fd.get(), &event);
  }
}

// Where others wait for room, too, each process looks on its timer: the one whose connection ended would otherwise be
// the first to know every time, and the clients of the others would wait for ever.
void Engine::ResumeUnlessOthersWait() {
  if (accept_retry_.is_armed() && shared_count_.DoOthersWait()) return;
  ResumeAccepting();
}

void Engine::RetryAccepting() {
  if (MayAccept() && !shared_count_.HasRoom() && !listeners_.empty()) return AwaitRoom();
  shared_count_.SetWaiting(false);
  ResumeAccepting();
}

void Engine::AwaitRoom() {
  shared_count_.SetWaiting(true);
  timers_.Arm(&accept_retry_, now_ms() + kRoomRetryMs);
}

}  // namespace sluice
