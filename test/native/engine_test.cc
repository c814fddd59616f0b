// The engine against real sockets on loopback, one thread doing all: the dangers of an edge-triggered loop, each as a
// scene that stalls, corrupts or trips a sanitizer where its guard is taken away.
#include "engine.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <linux/sockios.h>
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

using namespace sluice;

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kScratch = 64 * 1024;

struct Ended {
  Outcome outcome;
  uint64_t bytes_up;
  uint64_t bytes_down;
  uint32_t attempts;
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
    endings.push_back({ending.outcome, ending.bytes_up, ending.bytes_down, ending.attempts});
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

uint16_t PortOf(int fd) {
  sockaddr_in own;
  socklen_t length = sizeof(own);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length);
  return ntohs(own.sin_port);
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return to;
}

Fd Bound() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const sockaddr_in any = Loopback(0);
  ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any));
  return fd;
}

void ResetNow(Fd* fd) {
  const linger now = {1, 0};
  ::setsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  fd->Close();
}

size_t OpenDescriptors() {
  size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) count++;
  ::closedir(folder);
  return count;
}

// Bytes that differ by where they stand in their stream, and from those of another stream.
uint8_t PatternAt(size_t offset, int stream) {
  return static_cast<uint8_t>(offset * 131 + (offset >> 9) + static_cast<size_t>(stream) * 77);
}

Bytes Pattern(size_t from, size_t size, int stream) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; i++) bytes[i] = PatternAt(from + i, stream);
  return bytes;
}

// The error the socket has met and nobody was told of yet.
int PendingError(const Fd& fd) {
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
    Fd listener = Bound();
    port_ = PortOf(listener.get());
    CHECK_EQ(engine->Listen(0, std::move(listener), options), 0);
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
    if (receive_buffer > 0) ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    const sockaddr_in to = Loopback(port_);
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

  // 0: a FIN came; an errno: an error did; -1: neither within two seconds.
  int NextEnd(const Fd& fd) {
    int end = -1;
    RunUntil([&] {
      uint8_t chunk[65536];
      const ssize_t got = ::recv(fd.get(), chunk, sizeof(chunk), 0);
      if (got == 0) end = 0;
      if (got < 0 && errno != EAGAIN) end = errno;
      return end >= 0;
    });
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
  Fd upstream_listener;
  uint32_t idle_timeout_ms = 60000;
  uint32_t half_closed_timeout_ms = 60000;

 private:
  Bytes scratch_;
  uint16_t port_ = 0;
};

void ForwardsAndEndsOk() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  ::send(upstream.get(), "down", 4, 0);
  CHECK(stage.Receive(client, 4) == Stage::Text("down"));
  ::shutdown(client.get(), SHUT_WR);
  CHECK_EQ(stage.NextEnd(upstream), 0);
  CHECK_EQ(stage.engine->live_connections(), 1u);
  ::send(upstream.get(), "after the half-close", 20, 0);
  CHECK(stage.Receive(client, 20) == Stage::Text("after the half-close"));
  upstream.Close();
  CHECK_EQ(stage.NextEnd(client), 0);
  CHECK(stage.EndsWith(1));
  CHECK(stage.policy.endings[0].outcome == Outcome::kOk);
  CHECK_EQ(stage.policy.endings[0].bytes_up, 6u);
  CHECK_EQ(stage.policy.endings[0].bytes_down, 24u);
}

// The FIN is announced with the bytes before it, in one event: a short read must not be taken for all there is.
void PassesOnAFinThatCameWithTheLastBytes() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  ::send(client.get(), "last", 4, 0);
  ::shutdown(client.get(), SHUT_WR);
  CHECK(stage.Receive(upstream, 4) == Stage::Text("last"));
  CHECK_EQ(stage.NextEnd(upstream), 0);
}

// More than a turn's share, to a reader that stops in between: everything arrives, whatever the edges were.
void DrainsABacklogAfterTheReaderStalled() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  const size_t sent = stage.SendUntilStuck(upstream);
  CHECK(sent > 200000);
  ::shutdown(upstream.get(), SHUT_WR);
  CHECK(stage.Receive(client, sent) == Pattern(0, sent, 0));
  CHECK_EQ(stage.NextEnd(client), 0);
}

// A direction that has used up its turn goes on by itself: no edge will announce what it left in the receive queue.
void GoesOnAfterItsTurnWithoutAnotherEdge() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  // Much traffic first, so that the kernel opens its windows.
  size_t offset = 0;
  for (int i = 0; i < 64; i++) {
    const Bytes chunk = Pattern(offset, 262144, 0);
    size_t sent = 0;
    stage.RunUntil([&] {
      const ssize_t went = ::send(upstream.get(), chunk.data() + sent, chunk.size() - sent, 0);
      if (went > 0) sent += static_cast<size_t>(went);
      return sent == chunk.size();
    });
    CHECK(stage.Receive(client, chunk.size()) == chunk);
    offset += chunk.size();
  }
  // Then several turns' worth while the engine does not run, all of it in its receive queue.
  const Bytes backlog = Pattern(offset, 5 * Flow::kTurnBytes / 2, 0);
  size_t sent = 0;
  int queued = 1;
  const uint64_t end = NowUs() + 2000000;
  while (NowUs() < end && (sent < backlog.size() || queued > 0)) {
    const ssize_t went = ::send(upstream.get(), backlog.data() + sent, backlog.size() - sent, 0);
    if (went > 0) sent += static_cast<size_t>(went);
    ::ioctl(upstream.get(), SIOCOUTQ, &queued);
  }
  CHECK_EQ(sent, backlog.size());
  CHECK_EQ(queued, 0);
  CHECK(stage.Receive(client, sent) == backlog);
}

void MovesMuchBothWaysAtOnce() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  constexpr size_t kEach = 8 * 1024 * 1024;
  const Bytes chunk(100000, 'y');
  size_t sent[2] = {}, got[2] = {};
  const Fd* ends[2] = {&client, &upstream};
  const bool arrived = stage.RunUntil(
      [&] {
        for (int i = 0; i < 2; i++) {
          const size_t rest = std::min(chunk.size(), kEach - sent[i]);
          const ssize_t went = rest == 0 ? 0 : ::send(ends[i]->get(), chunk.data(), rest, 0);
          if (went > 0) sent[i] += static_cast<size_t>(went);
          uint8_t sink[65536];
          const ssize_t came = ::recv(ends[i]->get(), sink, sizeof(sink), 0);
          if (came > 0) got[i] += static_cast<size_t>(came);
        }
        return got[0] == kEach && got[1] == kEach;
      },
      20000);
  CHECK(arrived);
  CHECK(stage.engine->stats().spliced_bytes > 0);
}

// All that came before the reset has to arrive, through a reader that takes it late.
void DeliversWhatCameBeforeAReset() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  const Bytes all(150000, 'z');
  size_t sent = 0;
  stage.RunUntil([&] {
    const ssize_t went = ::send(upstream.get(), all.data() + sent, all.size() - sent, 0);
    if (went > 0) sent += static_cast<size_t>(went);
    return sent == all.size();
  });
  // The peer's kernel has all of it, so the reset overtakes nothing on the way to the proxy.
  int queued = 1;
  stage.RunUntil([&] { return ::ioctl(upstream.get(), SIOCOUTQ, &queued) == 0 && queued == 0; }, 500);
  ResetNow(&upstream);
  if (queued == 0) CHECK_EQ(stage.Receive(client, all.size()).size(), all.size());
  CHECK_EQ(stage.NextEnd(client), ECONNRESET);
  CHECK(stage.EndsWith(1));
  CHECK(stage.policy.endings[0].outcome == Outcome::kUpstreamReset);
}

void PassesAClientResetOn() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  ResetNow(&client);
  CHECK_EQ(stage.NextEnd(upstream), ECONNRESET);
  CHECK(stage.EndsWith(1));
  CHECK(stage.policy.endings[0].outcome == Outcome::kClientReset);
}

// Both sockets of a connection are in one batch, and what is done for the first ends the connection.
void SurvivesBothSidesReadyWhereOneEndsTheOther() {
  Stage stage;
  for (int i = 0; i < 50; i++) {
    Fd client, upstream;
    stage.Forwarding(&client, &upstream);
    ::send(upstream.get(), "unread", 6, 0);
    ResetNow(i % 2 == 0 ? &client : &upstream);
    ResetNow(i % 2 == 0 ? &upstream : &client);
    CHECK(stage.EndsWith(static_cast<size_t>(i) + 1));
  }
  CHECK_EQ(stage.engine->live_connections(), 0u);
}

// Each side was reset with bytes of its own unread: there is nobody left to pass anything to.
void EndsWhereBothSidesWereResetWithBytesUnread() {
  Stage stage;
  for (size_t i = 0; i < 50; i++) {
    Fd client, upstream;
    stage.Forwarding(&client, &upstream);
    ::send(client.get(), "unread up", 9, 0);
    ::send(upstream.get(), "unread down", 11, 0);
    ResetNow(i % 2 == 0 ? &client : &upstream);
    ResetNow(i % 2 == 0 ? &upstream : &client);
    CHECK(stage.EndsWith(i + 1));
  }
}

// While a slow client still takes what a reset upstream had sent, the client's own bytes stay unread.
void ReadsNothingMoreForAnUpstreamThatIsGone() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  stage.SendUntilStuck(upstream);
  ResetNow(&upstream);
  ::send(client.get(), "first", 5, 0);
  stage.RunUntil([] { return false; }, 50);
  for (int i = 0; i < 10; i++) {
    ::send(client.get(), "more", 4, MSG_NOSIGNAL);
    stage.RunUntil([] { return false; }, 5);
  }
  CHECK_EQ(stage.engine->live_connections(), 1u);
  ResetNow(&client);
  CHECK(stage.EndsWith(1));
  CHECK_EQ(stage.policy.endings[0].bytes_up, 11u);
}

// Events for slots that were freed and used again within the batch go nowhere.
void KeepsConnectionsApartWhenSlotsAndDescriptorsAreReused() {
  Stage stage;
  for (int round = 0; round < 20; round++) {
    std::vector<Fd> clients, upstreams;
    for (int i = 0; i < 20; i++) {
      clients.emplace_back();
      upstreams.emplace_back();
      stage.Forwarding(&clients.back(), &upstreams.back());
    }
    std::vector<Fd> next;
    for (int i = 0; i < 20; i++) {
      ResetNow(&clients[static_cast<size_t>(i)]);
      next.push_back(stage.Connect());
      const char mark = static_cast<char>('a' + i);
      ::send(next.back().get(), &mark, 1, 0);
    }
    std::string marks;
    for (int i = 0; i < 20; i++) {
      upstreams[static_cast<size_t>(i)] = stage.AcceptUpstream();
      const Bytes first = stage.Receive(upstreams[static_cast<size_t>(i)], 1);
      if (first.size() == 1) marks.push_back(static_cast<char>(first[0]));
    }
    std::sort(marks.begin(), marks.end());
    CHECK_EQ(marks, std::string("abcdefghijklmnopqrst"));
    next.clear();
    upstreams.clear();
    CHECK(stage.RunUntil([&] { return stage.engine->live_connections() == 0; }));
  }
}

// One batch: the upstream's reset ends a connection, a new one is accepted into its slot, and then comes what the old
// client's socket had to say.
void DropsEventsOfAConnectionThatEndedEarlierInTheBatch() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  ResetNow(&upstream);
  Fd next = stage.Connect();
  ::send(next.get(), "next", 4, 0);
  ResetNow(&client);
  Fd next_upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(next_upstream, 4) == Stage::Text("next"));
  ::send(next_upstream.get(), "answer", 6, 0);
  CHECK(stage.Receive(next, 6) == Stage::Text("answer"));
}

void IgnoresAnswersOutOfTurn() {
  Stage stage;
  stage.policy.hello = [](auto&, auto*, Answer* answer) { answer->kind = Answer::Kind::kPending; };
  Fd client = stage.Connect();
  ::send(client.get(), "x", 1, 0);
  CHECK(stage.RunUntil([&] { return stage.policy.last_id.generation != 0; }));
  const ConnectionId id = stage.policy.last_id;
  Answer answer;
  stage.DialUpstream(&answer);
  stage.engine->Find(id)->OnAnswer(*stage.engine, answer);
  stage.engine->Find(id)->OnAnswer(*stage.engine, answer);
  stage.engine->Flush();
  Fd upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(upstream, 1) == Stage::Text("x"));
  stage.engine->Find(id)->OnAnswer(*stage.engine, answer);
  ResetNow(&client);
  CHECK(stage.EndsWith(1));
  CHECK(stage.engine->Find(id) == nullptr);
}

void NoticesAClientThatResetsWhileThePolicyThinks() {
  Stage stage;
  stage.policy.hello = [](auto&, auto*, Answer* answer) { answer->kind = Answer::Kind::kPending; };
  Fd client = stage.Connect();
  ::send(client.get(), "x", 1, 0);
  CHECK(stage.RunUntil([&] { return stage.policy.last_id.generation != 0; }));
  ResetNow(&client);
  CHECK(stage.EndsWith(1));
  CHECK(stage.policy.endings[0].outcome == Outcome::kClientReset);
}

// The policy ends the connection it is being asked about, or all of them, from inside the question.
void LetsThePolicyEndThingsFromInsideACall() {
  {
    Stage stage;
    stage.policy.hello = [&](const ConnectionView& connection, auto*, Answer* answer) {
      stage.engine->Find(connection.id)->Abort(*stage.engine, Outcome::kDrained);
      stage.DialUpstream(answer);
    };
    Fd client = stage.Connect();
    ::send(client.get(), "x", 1, 0);
    CHECK_EQ(stage.NextEnd(client), ECONNRESET);
    CHECK_EQ(stage.policy.endings.size(), size_t{1});
  }
  {
    Stage stage;
    Fd one, two;
    stage.Forwarding(&one, &two);
    stage.policy.hello = [&](auto&, auto*, Answer*) { stage.engine->Close(Outcome::kDrained); };
    Fd client = stage.Connect();
    ::send(client.get(), "x", 1, 0);
    CHECK(stage.EndsWith(2));
    CHECK_EQ(stage.engine->live_connections(), 0u);
    CHECK_EQ(stage.NextEnd(one), ECONNRESET);
  }
  {
    Stage stage({2000, 65536, true});
    stage.policy.accepted = [&](auto&, Answer*) { stage.engine->Close(Outcome::kDrained); };
    Fd client = stage.Connect();
    CHECK(stage.EndsWith(1));
  }
  {
    Stage stage;
    Fd one, two;
    stage.Forwarding(&one, &two);
    stage.policy.on_ended = [&](auto&) { stage.engine->Close(Outcome::kDrained); };
    Fd client = stage.Connect();
    client.Close();
    CHECK(stage.EndsWith(2));
  }
}

void TriesTheNextEndpointThePolicyNames() {
  Stage stage;
  const Fd closed = Bound();
  int tried = 0;
  stage.policy.hello = [&](auto&, auto*, Answer* answer) { stage.DialPort(PortOf(closed.get()), answer); };
  stage.policy.dial_failed = [&](auto&, Answer* answer) {
    tried++;
    if (tried == 1) return stage.DialPort(PortOf(closed.get()), answer);
    stage.DialUpstream(answer);
  };
  Fd client = stage.Connect();
  ::send(client.get(), "hello", 5, 0);
  Fd upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(upstream, 5) == Stage::Text("hello"));
  CHECK_EQ(tried, 2);
  CHECK(stage.policy.dial_errors == std::vector<int>({ECONNREFUSED, ECONNREFUSED}));
}

void SendsTheAlertAndAFinToAClientThatKeepsTalking() {
  Stage stage;
  const Fd closed = Bound();
  stage.policy.hello = [&](auto&, auto*, Answer* answer) { stage.DialPort(PortOf(closed.get()), answer); };
  Fd client = stage.Connect();
  const Bytes much(300000, 'm');
  ::send(client.get(), much.data(), much.size(), 0);
  CHECK(stage.EndsWith(1));
  CHECK_EQ(::send(client.get(), much.data(), 1000, MSG_NOSIGNAL), 1000);
  CHECK(stage.Receive(client, 7) == Bytes({21, 3, 3, 0, 2, 2, 80}));
  CHECK_EQ(stage.NextEnd(client), 0);
  CHECK_EQ(PendingError(client), 0);
  CHECK(stage.policy.endings[0].outcome == Outcome::kUpstreamUnreachable);
  CHECK_EQ(stage.engine->live_connections(), 0u);
}

void KeepsItsTimeouts() {
  Stage stage({100, 65536, false});
  stage.idle_timeout_ms = 200;
  Fd silent = stage.Connect();
  const uint64_t start = NowUs();
  CHECK_EQ(stage.NextEnd(silent), 0);
  CHECK(NowUs() - start >= 100000);
  CHECK(stage.policy.endings[0].outcome == Outcome::kHelloTimeout);
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  const uint64_t idle_start = NowUs();
  CHECK_EQ(stage.NextEnd(client), 0);
  CHECK(NowUs() - idle_start >= 150000);  // The last byte moved a little before this clock was read.
  CHECK_EQ(stage.NextEnd(upstream), 0);
  CHECK(stage.policy.endings[1].outcome == Outcome::kIdleTimeout);

  stage.idle_timeout_ms = 60000;
  stage.half_closed_timeout_ms = 150;
  stage.Forwarding(&client, &upstream);
  ::shutdown(upstream.get(), SHUT_WR);
  CHECK_EQ(stage.NextEnd(client), 0);
  CHECK(stage.EndsWith(3));
  CHECK(stage.policy.endings[2].outcome == Outcome::kHalfClosedTimeout);
}

void AcceptsNoMoreThanAllowedAndThenTheNext() {
  Stage stage;
  stage.engine->SetMaxConnections(2);
  Fd clients[3], upstreams[3];
  for (int i = 0; i < 2; i++) stage.Forwarding(&clients[i], &upstreams[i]);
  clients[2] = stage.Connect();
  ::send(clients[2].get(), "prefix", 6, 0);
  stage.RunUntil([] { return false; }, 50);
  CHECK_EQ(stage.engine->live_connections(), 2u);
  ResetNow(&clients[0]);
  upstreams[2] = stage.AcceptUpstream();
  CHECK(stage.Receive(upstreams[2], 6) == Stage::Text("prefix"));
}

// Out of descriptors: accepting waits instead of spinning, and goes on by itself.
void WaitsForDescriptorsAndGoesOn() {
  Stage stage;
  Fd client = stage.Connect();
  Fd later = stage.Connect();
  rlimit before;
  ::getrlimit(RLIMIT_NOFILE, &before);
  std::vector<Fd> hoard;
  const rlimit tight = {OpenDescriptors() + 8, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &tight);
  for (;;) {
    Fd fd(::open("/dev/null", O_RDONLY));
    if (!fd.is_open()) break;
    hoard.push_back(std::move(fd));
  }
  int runs = 0;
  const uint64_t end = NowUs() + 300000;
  while (NowUs() < end) {
    pollfd watched = {stage.engine->poll_fd(), POLLIN, 0};
    if (::poll(&watched, 1, 10) > 0) {
      stage.engine->Run();
      runs++;
    }
  }
  CHECK(stage.engine->stats().accept_failures >= 1);
  CHECK(runs < 30);
  hoard.clear();
  ::setrlimit(RLIMIT_NOFILE, &before);
  ::send(later.get(), "prefix", 6, 0);
  Fd upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(upstream, 6) == Stage::Text("prefix"));
}

// A pipe with bytes of one connection in it must never serve another.
void KeepsTheBytesOfAnAbortedConnectionToItself() {
  Stage stage;
  for (int i = 0; i < 5; i++) {
    Fd client, upstream;
    stage.Forwarding(&client, &upstream, 4096);
    stage.SendUntilStuck(upstream, 1);
    ResetNow(&client);
    CHECK_EQ(stage.NextEnd(upstream), ECONNRESET);
  }
  CHECK(stage.engine->stats().spliced_bytes > 0);
  const uint64_t spliced_before = stage.engine->stats().spliced_bytes;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  const size_t sent = stage.SendUntilStuck(upstream, 2);
  CHECK(stage.Receive(client, sent) == Pattern(0, sent, 2));
  CHECK(stage.engine->stats().spliced_bytes > spliced_before);
}

// Without pipes (no descriptors to spare) bulk is copied and still arrives.
void CopiesWhereThereAreNoPipes() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  rlimit before;
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit tight = {static_cast<rlim_t>(Fd(::dup(0)).get()), before.rlim_max};  // The lowest that is free.
  ::setrlimit(RLIMIT_NOFILE, &tight);
  const size_t sent = stage.SendUntilStuck(upstream, 3);
  CHECK(sent > 4 * PipePool::kCapacity);
  CHECK(stage.Receive(client, sent) == Pattern(0, sent, 3));
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK_EQ(stage.engine->stats().spliced_bytes, 0u);
}

void LeaksNoDescriptor() {
  const size_t before = OpenDescriptors();
  {
    Stage stage;
    for (int i = 0; i < 300; i++) {
      Fd client, upstream;
      stage.Forwarding(&client, &upstream);
      if (i % 3 == 0) ResetNow(&client);
      if (i % 3 == 1) upstream.Close();
    }
    CHECK(stage.RunUntil([&] { return stage.engine->live_connections() == 0; }));
  }
  CHECK_EQ(OpenDescriptors(), before);
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  ForwardsAndEndsOk();
  PassesOnAFinThatCameWithTheLastBytes();
  DrainsABacklogAfterTheReaderStalled();
  GoesOnAfterItsTurnWithoutAnotherEdge();
  MovesMuchBothWaysAtOnce();
  DeliversWhatCameBeforeAReset();
  PassesAClientResetOn();
  SurvivesBothSidesReadyWhereOneEndsTheOther();
  EndsWhereBothSidesWereResetWithBytesUnread();
  ReadsNothingMoreForAnUpstreamThatIsGone();
  KeepsConnectionsApartWhenSlotsAndDescriptorsAreReused();
  DropsEventsOfAConnectionThatEndedEarlierInTheBatch();
  IgnoresAnswersOutOfTurn();
  NoticesAClientThatResetsWhileThePolicyThinks();
  LetsThePolicyEndThingsFromInsideACall();
  TriesTheNextEndpointThePolicyNames();
  SendsTheAlertAndAFinToAClientThatKeepsTalking();
  KeepsItsTimeouts();
  AcceptsNoMoreThanAllowedAndThenTheNext();
  WaitsForDescriptorsAndGoesOn();
  KeepsTheBytesOfAnAbortedConnectionToItself();
  CopiesWhereThereAreNoPipes();
  LeaksNoDescriptor();
  return check::Finish();
}
