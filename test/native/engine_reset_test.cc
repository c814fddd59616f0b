// Resets: passed on, behind what came before them, whatever else is under way.
#include <netinet/tcp.h>

#include "stage.h"

using namespace sluice;

namespace {

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
  SendAtOnce(client);
  stage.SendUntilStuck(upstream);
  ResetNow(&upstream);
  ::send(client.get(), "first", 5, 0);
  stage.RunUntil([] { return false; }, 50);
  for (int i = 0; i < 10; i++) {
    ::send(client.get(), "more", 4, MSG_NOSIGNAL);
    // Nor is anybody woken for them.
    if (i > 0) CHECK(!stage.WantsToRun());
    stage.RunUntil([] { return false; }, 5);
  }
  CHECK_EQ(stage.engine->live_connections(), 1u);
  ResetNow(&client);
  CHECK(stage.EndsWith(1));
  CHECK_EQ(stage.policy.endings[0].bytes_up, 11u);
}

// Reading tells nothing of a reset behind a FIN, so it has to be taken from the event.
void PassesOnAResetThatComesAfterAFin() {
  for (const bool is_client : {true, false}) {
    Stage stage;
    Fd client, upstream;
    stage.Forwarding(&client, &upstream);
    Fd& leaver = is_client ? client : upstream;
    Fd& stayer = is_client ? upstream : client;
    ::shutdown(leaver.get(), SHUT_WR);
    CHECK_EQ(stage.NextEnd(stayer), 0);
    CHECK_EQ(stage.policy.endings.size(), size_t{0});
    ResetNow(&leaver);
    CHECK(stage.EndsWith(1));
    CHECK(PendingError(stayer) != 0);
    CHECK(stage.policy.endings.at(0).outcome == (is_client ? Outcome::kClientReset : Outcome::kUpstreamReset));
  }
}

// One event announces bytes, FIN and reset.
void PassesOnAResetThatCameWithTheFin() {
  for (const bool is_client : {true, false}) {
    Stage stage;
    Fd client, upstream;
    stage.Forwarding(&client, &upstream);
    Fd& leaver = is_client ? client : upstream;
    Fd& stayer = is_client ? upstream : client;
    ::send(leaver.get(), "last", 4, 0);
    ::shutdown(leaver.get(), SHUT_WR);
    ResetNow(&leaver);
    CHECK(stage.Receive(stayer, 4) == Stage::Text("last"));
    CHECK(stage.EndsWith(1));
    CHECK(PendingError(stayer) != 0);
    CHECK(stage.policy.endings.at(0).outcome == (is_client ? Outcome::kClientReset : Outcome::kUpstreamReset));
  }
}

// The upstream's reset waits for a client that takes nothing, and then the client is reset too: what the upstream had
// yet to acknowledge will never leave the send queue.
void EndsWhereTheOneToBeToldIsGoneToo() {
  Stage stage;
  Fd client, upstream;
  SetReceiveBuffer(stage.upstream_listener, 4096);
  stage.Forwarding(&client, &upstream, 4096);
  stage.SendUntilStuck(upstream);
  const Bytes unread(30000, 'u');
  ::send(client.get(), unread.data(), unread.size(), 0);
  stage.RunUntil([] { return false; }, 50);
  ResetNow(&upstream);
  stage.RunUntil([] { return false; }, 50);
  CHECK_EQ(stage.engine->live_connections(), 1u);
  ResetNow(&client);
  CHECK(stage.EndsWith(1));
}

// One batch: the client's socket can be written again, which is when the upstream's reset is met, and behind it comes the
// upstream's own event, of a socket that is closed by then. The client is to see a reset all the same, behind what it is
// still taking.
void PassesOnAResetThatTheOtherSidesEventMet() {
  // The length of segments sets that of send buffers: one read has to be too much for the client's, and another one not
  // when the client has read again. Reads that fill the scratch buffer are followed by the one that meets the reset.
  for (int segment = 190; segment < 250; segment += 2) {
    Stage stage;
    ::setsockopt(stage.listener.get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
    Fd client, upstream;
    stage.Forwarding(&client, &upstream, 4096);
    const Bytes all = Pattern(0, 2 * kScratch, 4);
    CHECK_EQ(::send(upstream.get(), all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    stage.RunUntil([] { return false; }, 20);
    uint8_t some[65536];
    while (::recv(client.get(), some, sizeof(some), 0) > 0) {
    }
    ::send(client.get(), "x", 1, 0);
    ResetNow(&upstream);
    CHECK_EQ(stage.NextEnd(client), ECONNRESET);
    CHECK(stage.EndsWith(1));
  }
}

// A reader that takes nothing for long is looked at less and less often.
void LooksAtAFullSendQueueLessAndLessOften() {
  Stage stage;
  Fd client, upstream;
  stage.Forwarding(&client, &upstream, 4096);
  stage.SendUntilStuck(upstream);
  ResetNow(&upstream);
  const int runs = stage.RunsWithin(600);
  CHECK_EQ(stage.engine->live_connections(), 1u);
  CHECK(runs < 40);
  CHECK_EQ(stage.NextEnd(client, 20000), ECONNRESET);
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  DeliversWhatCameBeforeAReset();
  PassesAClientResetOn();
  SurvivesBothSidesReadyWhereOneEndsTheOther();
  EndsWhereBothSidesWereResetWithBytesUnread();
  ReadsNothingMoreForAnUpstreamThatIsGone();
  PassesOnAResetThatComesAfterAFin();
  PassesOnAResetThatCameWithTheFin();
  EndsWhereTheOneToBeToldIsGoneToo();
  PassesOnAResetThatTheOtherSidesEventMet();
  LooksAtAFullSendQueueLessAndLessOften();
  return check::Finish();
}
