// Bytes and FINs through the engine: what an edge-triggered loop may lose, stall on or never get to.
#include "stage.h"

using namespace sluice;

namespace {

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

// What arrives for a reader that takes nothing has to wait anyway: nobody is woken for it, and nothing of it is lost, nor
// an urgent mark nor a FIN that come then.
void SleepsWhileAReaderTakesNothing() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  SendAtOnce(upstream);
  const auto moved = [&] { return stage.engine->Find(stage.policy.last_id)->bytes_down(); };
  size_t sent = 0;
  int runs_in_vain = 0;
  for (int sent_in_vain = 0; sent_in_vain < 8; sent_in_vain++) {
    const Bytes chunk = Pattern(sent, 4096, 0);
    CHECK_EQ(::send(upstream.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL), 4096);
    sent += chunk.size();
    if (!stage.WantsToRun()) continue;
    const uint64_t moved_before = moved();
    stage.engine->Run();
    const bool is_in_vain = moved() == moved_before;
    if (is_in_vain) runs_in_vain++;
    else sent_in_vain = 0;
  }
  CHECK(sent > 200000);
  CHECK(runs_in_vain <= 2);

  CHECK_EQ(::send(upstream.get(), "before", 6, 0), 6);
  CHECK_EQ(::send(upstream.get(), "!", 1, MSG_OOB), 1);
  CHECK_EQ(::send(upstream.get(), "after", 5, 0), 5);
  ::shutdown(upstream.get(), SHUT_WR);
  CHECK(stage.Receive(client, sent) == Pattern(0, sent, 0));
  CHECK(stage.Receive(client, 11) == Stage::Text("beforeafter"));
  CHECK_EQ(stage.NextEnd(client), 0);
}

// A direction that has used up its turn goes on by itself: no edge will announce what it left in the receive queue.
void GoesOnAfterItsTurnWithoutAnotherEdge() {
  Stage stage;
  SetReceiveBuffer(stage.listener, 4 * 1024 * 1024);
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  // Much traffic first, so that the kernel opens its windows.
  size_t offset = 0;
  for (int i = 0; i < 64; i++) {
    const Bytes chunk = Pattern(offset, 262144, 0);
    size_t sent = 0;
    stage.RunUntil([&] {
      const ssize_t went = ::send(client.get(), chunk.data() + sent, chunk.size() - sent, 0);
      if (went > 0) sent += static_cast<size_t>(went);
      return sent == chunk.size();
    });
    CHECK(stage.Receive(upstream, chunk.size()) == chunk);
    offset += chunk.size();
  }
  // Then several turns' worth while the engine does not run, all of it in its receive queue.
  const Bytes backlog = Pattern(offset, 5 * Flow::kTurnBytes / 2, 0);
  size_t sent = 0;
  int queued = 1;
  const uint64_t end = NowUs() + 20000000;
  while (NowUs() < end && (sent < backlog.size() || queued > 0)) {
    const ssize_t went = ::send(client.get(), backlog.data() + sent, backlog.size() - sent, 0);
    if (went > 0) sent += static_cast<size_t>(went);
    ::ioctl(client.get(), SIOCOUTQ, &queued);
  }
  CHECK_EQ(sent, backlog.size());
  CHECK_EQ(queued, 0);
  CHECK(stage.Receive(upstream, sent) == backlog);
}

void MovesMuchBothWaysAtOnce() {
  Stage stage;
  // Room for several full reads, which is what splicing starts with.
  SetReceiveBuffer(stage.listener, 1024 * 1024);
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  constexpr size_t kEach = 8 * 1024 * 1024;
  const Bytes chunk(1024 * 1024, 'y');
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

// A read stops short at the urgent mark (tcp(7)) with more behind it, and no edge tells of that; splice(2) never gets past
// it.
void GoesOnBehindAnUrgentByte() {
  for (const bool is_after_bulk : {false, true}) {
    Stage stage;
    Fd client, upstream;
    stage.Forwarding(&client, &upstream);
    if (is_after_bulk) {
      const size_t bulk = stage.SendUntilStuck(client);
      CHECK(stage.Receive(upstream, bulk).size() == bulk);
      CHECK(stage.engine->stats().spliced_bytes > 0);
    }
    ::send(client.get(), "before", 6, 0);
    ::send(client.get(), "!", 1, MSG_OOB);
    ::send(client.get(), "after", 5, 0);
    CHECK(stage.Receive(upstream, 11) == Stage::Text("beforeafter"));
  }
}

// While the reader takes nothing no urgent mark is told of either, and to splice(2) one with a FIN behind it is the end.
void LosesNothingBetweenAnUrgentByteAndAFin() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  const auto received = [&] { return stage.engine->Find(stage.policy.last_id)->bytes_up(); };
  size_t sent = 0;
  for (int sent_in_vain = 0; sent_in_vain < 4;) {
    const Bytes chunk = Pattern(sent, 65536, 0);
    CHECK_EQ(::send(client.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL), 65536);
    sent += chunk.size();
    const uint64_t received_before = received();
    if (stage.WantsToRun()) stage.engine->Run();
    sent_in_vain = received() == received_before ? sent_in_vain + 1 : 0;
  }
  CHECK(stage.engine->stats().spliced_bytes > 0);
  ::send(client.get(), "before", 6, 0);
  ::send(client.get(), "!", 1, MSG_OOB);
  ::send(client.get(), "after", 5, 0);
  ::shutdown(client.get(), SHUT_WR);
  CHECK(stage.Receive(upstream, sent) == Pattern(0, sent, 0));
  CHECK(stage.Receive(upstream, 11) == Stage::Text("beforeafter"));
  CHECK_EQ(stage.NextEnd(upstream), 0);
}

// What many connections have to move at once does not fit into one call of Run: the thread is given back in between.
void GivesTheThreadBackWithMuchToMove() {
  Stage stage;
  constexpr int kCount = 240;
  constexpr size_t kEach = 300 * 1024;
  SetReceiveBuffer(stage.listener, 1024 * 1024);
  Fd clients[kCount], upstreams[kCount];
  for (int i = 0; i < kCount; i++) stage.Forwarding(&clients[i], &upstreams[i]);
  const Bytes much(kEach, 'm');
  size_t sent = 0;
  for (int round = 0; round < 20; round++) {
    for (const Fd& client : clients) {
      const ssize_t went = ::send(client.get(), much.data(), much.size() / 20, 0);
      if (went > 0) sent += static_cast<size_t>(went);
    }
  }
  const auto moved = [&] {
    size_t all = 0;
    for (const ConnectionId id : stage.engine->Live()) all += stage.engine->Find(id)->bytes_up() - 6;
    return all;
  };
  stage.engine->Run();
  // A kernel short of memory takes so little that one run is enough.
  if (sent > kCount * kEach / 2) CHECK(moved() < sent);
  CHECK(stage.RunUntil([&] { return moved() == sent; }));
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  ForwardsAndEndsOk();
  PassesOnAFinThatCameWithTheLastBytes();
  DrainsABacklogAfterTheReaderStalled();
  SleepsWhileAReaderTakesNothing();
  GoesOnAfterItsTurnWithoutAnotherEdge();
  MovesMuchBothWaysAtOnce();
  KeepsItsTimeouts();
  GoesOnBehindAnUrgentByte();
  LosesNothingBetweenAnUrgentByteAndAFin();
  GivesTheThreadBackWithMuchToMove();
  return check::Finish();
}
