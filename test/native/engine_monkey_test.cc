// Clients, upstreams and a policy that do whatever comes to their minds, from inside the hooks too: every connection
// that was accepted ends once, what arrives is what was sent, and what ended well arrived whole.
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "stage.h"

using namespace sluice;

namespace {

// One end of a proxied connection: sends its pattern, checks the other end's.
struct Peer {
  Fd fd;
  int stream = 0;
  size_t sent = 0;
  size_t received = 0;
  bool has_shut = false;
  bool saw_fin = false;
};

struct Pair {
  Peer client;
  Peer upstream;
};

constexpr size_t kNameSize = 4;  // A client starts with 'P' and its number, so that its two ends find each other.

class Monkey {
 public:
  explicit Monkey(uint32_t seed) : has_timeouts_(seed % 2 == 1), random_(seed), stage_({300, 65536, true}) {
    stage_.policy.accepted = [this](auto& view, Answer* answer) { OnAccepted(view, answer); };
    stage_.policy.hello = [this](auto& view, auto*, Answer* answer) { Decide(view.id, answer); };
    stage_.policy.dial_failed = [this](auto& view, Answer* answer) { Decide(view.id, answer); };
    stage_.policy.on_ended = [this](const Ending& ending) { OnEnded(ending); };
    SetReceiveBuffer(stage_.listener, 20000);
  }

  // How many pairs were seen whole at their end.
  int Play(int steps) {
    for (int step = 0; step < steps; step++) {
      Act();
      if (!Chance(3)) RunOnce();
      AcceptUpstreams();
    }
    Settle();
    return whole_;
  }

 private:
  bool Chance(uint32_t one_in) { return random_() % one_in == 0; }
  size_t Upto(size_t most) { return random_() % most; }

  void RunOnce() {
    pollfd watched = {stage_.engine->poll_fd(), POLLIN, 0};
    if (::poll(&watched, 1, 0) > 0) stage_.engine->Run();
  }

  // ---- the policy ----

  void OnAccepted(const ConnectionView& view, Answer* answer) {
    CHECK(accepted_.insert(Key(view.id)).second);
    Meddle();
    answer->kind = Answer::Kind::kReadHello;
    if (Chance(30)) Reject(answer);
  }

  void Decide(ConnectionId id, Answer* answer) {
    Meddle();
    stage_.idle_timeout_ms = has_timeouts_ && Chance(10) ? 20 : 60000;
    stage_.half_closed_timeout_ms = has_timeouts_ && Chance(10) ? 20 : 60000;
    const size_t choice = Upto(20);
    if (choice == 0) return Reject(answer);
    if (choice == 1) return stage_.DialPort(PortOf(nobody_.get()), answer);
    if (choice < 5) {
      answer->kind = Answer::Kind::kPending;
      pending_.push_back(id);
      return;
    }
    stage_.DialUpstream(answer);
  }

  void Reject(Answer* answer) {
    answer->kind = Answer::Kind::kReject;
    answer->how = static_cast<RejectHow>(Upto(3));
    answer->alert = 80;
  }

  void OnEnded(const Ending& ending) {
    CHECK(accepted_.count(Key(ending.id)) == 1);
    CHECK(ended_.insert(Key(ending.id)).second);
    if (ending.outcome == Outcome::kOk) bytes_ok_ += ending.bytes_up + ending.bytes_down;
    Meddle();
  }

  // Does something to any connection, from wherever it is called.
  void Meddle() {
    Engine& engine = *stage_.engine;
    switch (Upto(40)) {
      case 0:
        for (const ConnectionId id : engine.Live()) {
          if (Chance(8)) AbortIfLive(id);
        }
        return;
      case 1:
      case 2:
      case 3:
        return AnswerSome();
      case 4:
        engine.SetMaxConnections(static_cast<uint32_t>(1 + Upto(30)));
        return;
      case 5:
        if (is_closing_) return;
        engine.StopListening(listener_index_);
        CHECK_EQ(engine.Listen(++listener_index_, Fd(::dup(stage_.listener.get())), {300, 65536, true}), 0);
        return;
      case 6:
        // Answers out of turn.
        for (const ConnectionId id : engine.Live()) Give(id);
        return;
    }
  }

  void AbortIfLive(ConnectionId id) {
    Connection* connection = stage_.engine->Find(id);
    if (connection != nullptr) connection->Abort(*stage_.engine, Outcome::kDrained);
  }

  void AnswerSome() {
    std::vector<ConnectionId> waiting;
    waiting.swap(pending_);
    for (const ConnectionId id : waiting) Give(id);
  }

  void Give(ConnectionId id) {
    Answer answer;
    Decide(id, &answer);
    Connection* connection = stage_.engine->Find(id);
    if (connection == nullptr) return;
    connection->OnAnswer(*stage_.engine, answer);
    stage_.engine->Flush();
  }

  // ---- the peers ----

  void Act() {
    if (pairs_.size() < 25 && Chance(6)) return Begin();
    if (Chance(100)) return Meddle();
    if (pairs_.empty()) return;
    auto found = pairs_.begin();
    std::advance(found, static_cast<ptrdiff_t>(Upto(pairs_.size())));
    Pair& pair = found->second;
    Peer& peer = Chance(2) ? pair.client : pair.upstream;
    if (!peer.fd.is_open()) {
      if (!pair.client.fd.is_open() && (!pair.upstream.fd.is_open() || Chance(4))) pairs_.erase(found);
      return;
    }
    const size_t choice = Upto(200);
    if (choice < 80) return Send(peer);
    if (choice < 180) return Receive(peer, choice < 100 ? 1000000 : Upto(30000));
    if (choice < 190 && (peer.sent > kNameSize || Chance(10))) return Shut(peer);
    if (choice < 193) return ResetNow(&peer.fd);
    if (choice < 196) return peer.fd.Close();
  }

  void Begin() {
    const int number = next_++;
    Peer& client = pairs_[number].client;
    client.fd = stage_.Connect(Chance(2) ? 5000 : 0);
    client.stream = 2 * number;
    const uint8_t name[kNameSize] = {'P', static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                                     static_cast<uint8_t>(number)};
    const size_t first = Chance(10) ? 0 : kNameSize;
    if (first > 0 && ::send(client.fd.get(), name, first, MSG_NOSIGNAL) == kNameSize) client.sent = kNameSize;
  }

  void AcceptUpstreams() {
    for (;;) {
      Fd fd(::accept4(stage_.upstream_listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
      if (!fd.is_open()) break;
      if (Chance(3)) SetReceiveBuffer(fd, 5000);
      unnamed_.push_back(std::move(fd));
    }
    for (size_t i = 0; i < unnamed_.size();) {
      uint8_t name[kNameSize];
      const ssize_t got = ::recv(unnamed_[i].get(), name, kNameSize, MSG_PEEK);
      if (got < 0 && errno == EAGAIN) {
        i++;
        continue;
      }
      if (got == kNameSize) Name(std::move(unnamed_[i]), name);
      unnamed_.erase(unnamed_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  void Name(Fd fd, uint8_t* name) {
    ::recv(fd.get(), name, kNameSize, 0);
    CHECK_EQ(name[0], 'P');
    const auto found = pairs_.find(name[1] << 16 | name[2] << 8 | name[3]);
    if (found == pairs_.end()) return;
    Peer& upstream = found->second.upstream;
    // One that was reset before its first byte may have had this place.
    CHECK(!upstream.fd.is_open());
    upstream = Peer();
    upstream.fd = std::move(fd);
    upstream.stream = found->second.client.stream + 1;
    upstream.received = kNameSize;
  }

  void Send(Peer& peer) {
    if (peer.has_shut || (peer.stream % 2 == 0 && peer.sent == 0)) return;
    const Bytes chunk = Pattern(peer.sent, 1 + Upto(Chance(4) ? 300000 : 3000), peer.stream);
    const ssize_t went = ::send(peer.fd.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (went > 0) peer.sent += static_cast<size_t>(went);
    if (went < 0 && errno != EAGAIN) peer.fd.Close();
  }

  void Receive(Peer& peer, size_t most) {
    Bytes chunk(most + 1);
    const ssize_t got = ::recv(peer.fd.get(), chunk.data(), chunk.size(), 0);
    if (got == 0) peer.saw_fin = true;
    if (got < 0 && errno != EAGAIN) peer.fd.Close();
    if (got <= 0) return;
    chunk.resize(static_cast<size_t>(got));
    // A client may get an alert instead of its upstream's bytes.
    const bool is_alert = peer.received == 0 && got == 7 && chunk[0] == 21;
    const int others_stream = peer.stream % 2 == 0 ? peer.stream + 1 : peer.stream - 1;
    if (!is_alert) CHECK(chunk == Pattern(peer.received, chunk.size(), others_stream));
    peer.received += chunk.size();
  }

  static void Shut(Peer& peer) {
    ::shutdown(peer.fd.get(), SHUT_WR);
    peer.has_shut = true;
  }

  // ---- the end ----

  // Whoever is left closes properly, and takes everything.
  void Settle() {
    stage_.engine->SetMaxConnections(1000000);
    is_closing_ = true;
    const bool settled = stage_.RunUntil(
        [&] {
          AcceptUpstreams();
          AnswerSome();
          for (auto& [number, pair] : pairs_) {
            for (Peer* peer : {&pair.client, &pair.upstream}) {
              if (!peer->fd.is_open()) continue;
              if (!peer->has_shut) Shut(*peer);
              Receive(*peer, 1000000);
            }
          }
          return stage_.engine->live_connections() == 0;
        },
        20000);
    CHECK(settled);
    for (const auto& [number, pair] : pairs_) CheckWhole(pair);
    CHECK(accepted_ == ended_);
    CHECK(bytes_ok_ > 0);
  }

  // Both ends stand and saw the other's FIN without an error: nothing is missing, but where time ran out.
  void CheckWhole(const Pair& pair) {
    if (has_timeouts_ || !pair.client.fd.is_open() || !pair.upstream.fd.is_open()) return;
    if (!pair.client.saw_fin || !pair.upstream.saw_fin) return;
    CHECK_EQ(pair.upstream.received, pair.client.sent);
    CHECK_EQ(pair.client.received, pair.upstream.sent);
    whole_++;
  }

  static uint64_t Key(ConnectionId id) { return uint64_t{id.generation} << 32 | id.slot; }

  const bool has_timeouts_;
  std::mt19937 random_;
  std::map<int, Pair> pairs_;
  std::vector<Fd> unnamed_;
  std::vector<ConnectionId> pending_;
  std::set<uint64_t> accepted_;
  std::set<uint64_t> ended_;
  const Fd nobody_ = Bound();
  int next_ = 0;
  uint32_t listener_index_ = 0;
  uint64_t bytes_ok_ = 0;
  int whole_ = 0;
  bool is_closing_ = false;
  Stage stage_;  // Goes first: its end is told to the rest.
};

}  // namespace

// engine_monkey_test [SEED [COUNT [STEPS]]]
int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const int first = argc > 1 ? std::atoi(argv[1]) : 1;
  const int count = argc > 2 ? std::atoi(argv[2]) : 6;
  const int steps = argc > 3 ? std::atoi(argv[3]) : 4000;
  int whole = 0;
  for (int seed = first; seed < first + count; seed++) {
    const long failed_before = check::failed;
    whole += Monkey(static_cast<uint32_t>(seed)).Play(steps);
    if (check::failed > failed_before) std::cerr << "seed " << seed << "\n";
  }
  // A single seed may have none.
  CHECK(count < 4 || whole > 0);
  return check::Finish();
}
