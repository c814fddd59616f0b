// What the engine's tests are played on: real sockets on loopback, one thread doing all. Each scene stalls, corrupts or
// trips a sanitizer where the guard it is about is taken away.
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "clock.h"
#include "engine.h"

namespace sluice {

using Bytes = std::vector<uint8_t>;

constexpr size_t kScratch = 64 * 1024;

struct Ended {
  Outcome outcome;
  uint64_t bytes_up;
  uint64_t bytes_down;
  uint32_t attempts;
  EndedFirst ended_first;
};

class ScriptedPolicy : public Policy {
 public:
  void OnAccepted(const ConnectionView& connection, Answer* answer) override { accepted(connection, answer); }
  void OnHello(const ConnectionView& connection, const Hello* told, Answer* answer) override {
    last_id = connection.id;
    hello(connection, told, answer);
  }
  void OnDialFailed(const ConnectionView& connection, int error, double, Answer* answer) override {
    dial_errors.push_back(error);
    dial_failed(connection, answer);
  }
  void OnEnded(const Ending& ending) override {
    endings.push_back({ending.outcome, ending.bytes_up, ending.bytes_down, ending.attempts, ending.ended_first});
    if (on_ended) on_ended(ending);
  }

  std::function<void(const ConnectionView&, Answer*)> accepted = [](auto&, Answer* answer) {
    answer->kind = Answer::Kind::kReadHello;
  };
  std::function<void(const ConnectionView&, const Hello*, Answer*)> hello = [](auto&, auto*, Answer* answer) {
    answer->kind = Answer::Kind::kReject;
  };
  std::function<void(const ConnectionView&, Answer*)> dial_failed = [](auto&, Answer* answer) {
    answer->kind = Answer::Kind::kReject;
    answer->how = RejectHow::kAlert;
    answer->alert = 80;
    answer->outcome = Outcome::kUpstreamUnreachable;
  };
  std::function<void(const Ending&)> on_ended;
  std::vector<Ended> endings;
  std::vector<int> dial_errors;
  ConnectionId last_id = {};
};

inline uint16_t PortOf(int fd) {
  sockaddr_in own;
  socklen_t length = sizeof(own);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length);
  return ntohs(own.sin_port);
}

inline sockaddr_in Loopback(uint16_t port) {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return to;
}

inline Fd Bound() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const sockaddr_in any = Loopback(0);
  ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any));
  return fd;
}

inline void ResetNow(Fd* fd) {
  const linger now = {1, 0};
  ::setsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  fd->Close();
}

inline size_t OpenDescriptors() {
  size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) count++;
  ::closedir(folder);
  return count;
}

// While it lives there is no descriptor to be had but those that are closed meanwhile.
class Hoard {
 public:
  Hoard() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::open("/dev/null", O_RDONLY);
    const int highest = ::fcntl(lowest, F_DUPFD, static_cast<int>(OpenDescriptors()));
    ::close(highest);
    ::close(lowest);
    const rlimit tight = {static_cast<rlim_t>(highest), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
    for (;;) {
      Fd fd(::open("/dev/null", O_RDONLY));
      if (!fd.is_open()) return;
      held_.push_back(std::move(fd));
    }
  }
  Hoard(const Hoard&) = delete;
  Hoard& operator=(const Hoard&) = delete;
  ~Hoard() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
  std::vector<Fd> held_;
};

// Bytes that differ by where they stand in their stream, and from those of another stream.
inline uint8_t PatternAt(size_t offset, int stream) {
  return static_cast<uint8_t>(offset * 131 + (offset >> 9) + static_cast<size_t>(stream) * 77);
}

inline Bytes Pattern(size_t from, size_t size, int stream) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; i++) bytes[i] = PatternAt(from + i, stream);
  return bytes;
}

// Of a listening socket it is what the accepted ones start with.
inline void SetReceiveBuffer(const Fd& fd, int bytes) {
  // Past net.core.rmem_max for who may.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0) return;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

// Each send is a segment of its own.
inline void SendAtOnce(const Fd& fd) {
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// The error the socket has met and nobody was told of yet.
inline int PendingError(const Fd& fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

// An engine that listens, an upstream that listens, and the means to play client and upstream by hand.
class Stage {
 public:
  explicit Stage(ListenerOptions options = {2000, 65536, false}) : scratch_(kScratch) {
    engine = std::make_unique<Engine>(&policy, scratch_.data(), scratch_.size());
    CHECK_EQ(engine->Open(), 0);
    listener = Bound();
    CHECK_EQ(engine->Listen(0, Fd(::dup(listener.get())), options), 0);
    upstream_listener = Bound();
    ::listen(upstream_listener.get(), 128);
    policy.hello = [this](auto&, auto*, Answer* answer) { DialUpstream(answer); };
  }

  ~Stage() { engine->Close(Outcome::kDrained); }

  void DialUpstream(Answer* answer) { DialPort(PortOf(upstream_listener.get()), answer); }

  void DialPort(uint16_t port, Answer* answer) {
    answer->kind = Answer::Kind::kDial;
    answer->endpoint.family = 4;
    answer->endpoint.port = port;
    const uint8_t loopback[4] = {127, 0, 0, 1};
    std::copy(loopback, loopback + 4, answer->endpoint.bytes);
    answer->connect_timeout_ms = 1000;
    answer->idle_timeout_ms = idle_timeout_ms;
    answer->half_closed_timeout_ms = half_closed_timeout_ms;
  }

  Fd Connect(int receive_buffer = 0) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    if (receive_buffer > 0) SetReceiveBuffer(fd, receive_buffer);
    const sockaddr_in to = Loopback(PortOf(listener.get()));
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    return fd;
  }

  Fd AcceptUpstream() {
    Fd fd;
    RunUntil([&] {
      fd = Fd(::accept4(upstream_listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
      return fd.is_open();
    });
    CHECK(fd.is_open());
    return fd;
  }

  // Client and upstream ends of a connection that forwards; its prefix ("plain" bytes, not TLS) has arrived.
  void Forwarding(Fd* client, Fd* upstream, int client_receive_buffer = 0) {
    *client = Connect(client_receive_buffer);
    CHECK_EQ(::send(client->get(), "prefix", 6, 0), 6);
    *upstream = AcceptUpstream();
    CHECK(Receive(*upstream, 6) == Text("prefix"));
  }

  static Bytes Text(const std::string& text) { return Bytes(text.begin(), text.end()); }

  // Runs the engine whenever it asks for it, until `done`; false after two seconds without.
  bool RunUntil(const std::function<bool()>& done, int patience_ms = 2000) {
    const uint64_t end = NowUs() + static_cast<uint64_t>(patience_ms) * 1000;
    while (!done()) {
      if (NowUs() > end) return false;
      pollfd watched = {engine->poll_fd(), POLLIN, 0};
      if (::poll(&watched, 1, 2) > 0) engine->Run();
    }
    return true;
  }

  bool WantsToRun() const {
    pollfd watched = {engine->poll_fd(), POLLIN, 0};
    return ::poll(&watched, 1, 0) > 0;
  }

  // How often the engine asks to be run in that time: one that spins does so all the time.
  int RunsWithin(uint64_t ms) {
    int runs = 0;
    const uint64_t end = NowUs() + ms * 1000;
    while (NowUs() < end) {
      pollfd watched = {engine->poll_fd(), POLLIN, 0};
      if (::poll(&watched, 1, 10) <= 0) continue;
      engine->Run();
      runs++;
    }
    return runs;
  }

  // Exactly `size` bytes, or as many as come within twenty seconds.
  Bytes Receive(const Fd& fd, size_t size) {
    Bytes all;
    RunUntil([&] {
      uint8_t chunk[65536];
      const ssize_t got = ::recv(fd.get(), chunk, std::min(sizeof(chunk), size - all.size()), 0);
      if (got > 0) all.insert(all.end(), chunk, chunk + got);
      return all.size() == size || got == 0;
    }, 20000);
    return all;
  }

  // 0: a FIN came; an errno: an error did; -1: neither came in time.
  int NextEnd(const Fd& fd, int patience_ms = 2000) {
    int end = -1;
    RunUntil([&] {
      uint8_t chunk[65536];
      const ssize_t got = ::recv(fd.get(), chunk, sizeof(chunk), 0);
      if (got == 0) end = 0;
      if (got < 0 && errno != EAGAIN) end = errno;
      return end >= 0;
    }, patience_ms);
    return end;
  }

  // Sends a pattern until the kernel takes no more, running the engine meanwhile; how many bytes went.
  size_t SendUntilStuck(const Fd& fd, int stream = 0) {
    size_t sent = 0;
    int stuck = 0;
    RunUntil(
        [&] {
          const Bytes chunk = Pattern(sent, 65536, stream);
          const ssize_t went = ::send(fd.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
          if (went > 0) sent += static_cast<size_t>(went);
          stuck = went > 0 ? 0 : stuck + 1;
          return stuck > 50;
        },
        10000);
    return sent;
  }

  bool EndsWith(size_t count) {
    return RunUntil([&] { return policy.endings.size() >= count; });
  }

  ScriptedPolicy policy;
  std::unique_ptr<Engine> engine;
  Fd listener;  // The socket that the engine accepts from.
  Fd upstream_listener;
  uint32_t idle_timeout_ms = 60000;
  uint32_t half_closed_timeout_ms = 60000;

 private:
  Bytes scratch_;
};

}  // namespace sluice
