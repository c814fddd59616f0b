// Accepting: limits, descriptors that run out, and slots that are used again.
#include "stage.h"

using namespace sluice;

namespace {

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
  // From its first byte on no other upstream takes its place.
  ::send(upstream.get(), "!", 1, 0);
  CHECK(stage.Receive(client, 1) == Stage::Text("!"));
  stage.policy.hello = [](auto&, auto*, Answer* answer) { answer->kind = Answer::Kind::kPending; };
  const ConnectionId old = stage.policy.last_id;
  ResetNow(&upstream);
  Fd next = stage.Connect();
  ::send(next.get(), "next", 4, 0);
  ResetNow(&client);
  stage.engine->Run();
  CHECK_EQ(stage.policy.last_id.slot, old.slot);
  CHECK_EQ(stage.policy.endings.size(), size_t{1});
  CHECK_EQ(stage.engine->live_connections(), 1u);
  Answer answer;
  stage.DialUpstream(&answer);
  stage.engine->Find(stage.policy.last_id)->OnAnswer(*stage.engine, answer);
  stage.engine->Flush();
  Fd next_upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(next_upstream, 4) == Stage::Text("next"));
  ::send(next_upstream.get(), "answer", 6, 0);
  CHECK(stage.Receive(next, 6) == Stage::Text("answer"));
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
  auto hoard = std::make_unique<Hoard>();
  const int runs = stage.RunsWithin(300);
  CHECK(stage.engine->stats().accept_failures >= 1);
  CHECK(runs < 30);
  hoard.reset();
  ::send(later.get(), "prefix", 6, 0);
  Fd upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(upstream, 6) == Stage::Text("prefix"));
}

// Its slot may be free by then, or somebody else's.
void FiresNoTimerOfAConnectionThatHasGone() {
  Stage stage({100, 65536, false});
  Fd client = stage.Connect();
  CHECK(stage.RunUntil([&] { return stage.engine->live_connections() == 1; }));
  client.Close();
  CHECK(stage.EndsWith(1));
  const int runs = stage.RunsWithin(300);
  CHECK(runs < 30);
  CHECK_EQ(stage.policy.endings.size(), size_t{1});
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

void Dawdle(uint64_t us) {
  const uint64_t end = NowUs() + us;
  while (NowUs() < end) {
  }
}

// A policy that takes its time over each of many new connections does not keep the thread for all of them.
void GivesTheThreadBackWhileManyAreAccepted() {
  Stage stage;
  stage.policy.hello = [](auto&, auto*, Answer* answer) {
    Dawdle(1000);
    answer->kind = Answer::Kind::kPending;
  };
  std::vector<Fd> clients;
  for (int i = 0; i < 50; i++) {
    clients.push_back(stage.Connect());
    ::send(clients.back().get(), "x", 1, 0);
  }
  stage.engine->Run();
  CHECK(stage.engine->live_connections() < 50);
  CHECK(stage.RunUntil([&] { return stage.engine->live_connections() == 50; }));
}

// Nor for as many that time out at once.
void GivesTheThreadBackWhileManyTimeOut() {
  Stage stage({100, 65536, false});
  std::vector<Fd> clients;
  for (int i = 0; i < 50; i++) clients.push_back(stage.Connect());
  CHECK(stage.RunUntil([&] { return stage.engine->live_connections() == 50; }));
  stage.policy.on_ended = [](auto&) { Dawdle(1000); };
  Dawdle(200000);
  stage.engine->Run();
  CHECK(stage.policy.endings.size() < 50);
  CHECK(stage.EndsWith(50));
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  KeepsConnectionsApartWhenSlotsAndDescriptorsAreReused();
  DropsEventsOfAConnectionThatEndedEarlierInTheBatch();
  AcceptsNoMoreThanAllowedAndThenTheNext();
  WaitsForDescriptorsAndGoesOn();
  FiresNoTimerOfAConnectionThatHasGone();
  LeaksNoDescriptor();
  GivesTheThreadBackWhileManyAreAccepted();
  GivesTheThreadBackWhileManyTimeOut();
  return check::Finish();
}
