// Accepting where several engines, as of several processes, have one limit between them.
#include "stage.h"

using namespace sluice;

namespace {

struct Pair {
  explicit Pair(uint32_t limit) {
    a.engine->ShareMaxConnections(SharedCount(cells, 2, 0, limit));
    b.engine->ShareMaxConnections(SharedCount(cells, 2, 1, limit));
  }
  int32_t held(size_t who) const { return __atomic_load_n(&cells[who], __ATOMIC_SEQ_CST); }
  bool waits(size_t who) const { return __atomic_load_n(&cells[2 + who], __ATOMIC_SEQ_CST) != 0; }

  int32_t cells[4] = {};
  Stage a;
  Stage b;
};

void AcceptsWhatAnotherLetsGo() {
  Pair pair(1);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  CHECK_EQ(pair.held(0), 1);
  Fd waiting = pair.b.Connect();
  ::send(waiting.get(), "prefix", 6, 0);
  CHECK(pair.b.RunUntil([&] { return pair.waits(1); }));
  CHECK_EQ(pair.b.engine->live_connections(), 0u);
  ResetNow(&client);
  CHECK(pair.a.RunUntil([&] { return pair.a.engine->live_connections() == 0; }));
  CHECK_EQ(pair.held(0), 0);
  Fd next = pair.b.AcceptUpstream();
  CHECK(pair.b.Receive(next, 6) == Stage::Text("prefix"));
  CHECK_EQ(pair.held(1), 1);
  CHECK(!pair.waits(1));
}

void LooksNowAndThenWhileItWaits() {
  Pair pair(1);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  Fd waiting = pair.b.Connect();
  CHECK(pair.b.RunUntil([&] { return pair.waits(1); }));
  int runs = 0;
  const uint64_t end = NowUs() + 300000;
  while (NowUs() < end) {
    pollfd watched = {pair.b.engine->poll_fd(), POLLIN, 0};
    if (::poll(&watched, 1, 10) > 0) {
      pair.b.engine->Run();
      runs++;
    }
  }
  CHECK(runs < 100);
}

// The one whose connection ends would be the first to know, every time.
void LeavesTheTurnToWhoWaits() {
  Pair pair(1);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  Fd own_next = pair.a.Connect();
  ::send(own_next.get(), "prefix", 6, 0);
  Fd other = pair.b.Connect();
  ::send(other.get(), "prefix", 6, 0);
  CHECK(pair.a.RunUntil([&] { return pair.waits(0); }));
  CHECK(pair.b.RunUntil([&] { return pair.waits(1); }));
  ResetNow(&client);
  while (pair.a.engine->live_connections() != 0) pair.a.engine->Run();
  CHECK_EQ(pair.held(0), 0);
  Fd next = pair.b.AcceptUpstream();
  CHECK(pair.b.Receive(next, 6) == Stage::Text("prefix"));
  pair.a.RunUntil([] { return false; }, 50);
  CHECK_EQ(pair.a.engine->live_connections(), 0u);
}

// With nobody else waiting there is nothing to wait for.
void TakesItsOwnNextAtOnceWhereNobodyElseWaits() {
  Pair pair(1);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  Fd next = pair.a.Connect();
  CHECK(pair.a.RunUntil([&] { return pair.waits(0); }));
  ResetNow(&client);
  const auto is_served = [&] { return pair.a.policy.endings.size() == 1 && pair.a.engine->live_connections() == 1; };
  CHECK(pair.a.RunUntil(is_served));
}

// What a dead process held is zeroed from outside.
void AcceptsWhatADeadProcessHeld() {
  Pair pair(2);
  pair.cells[0] = 2;
  Fd client = pair.b.Connect();
  CHECK(pair.b.RunUntil([&] { return pair.waits(1); }));
  __atomic_store_n(&pair.cells[0], 0, __ATOMIC_SEQ_CST);
  CHECK(pair.b.RunUntil([&] { return pair.b.engine->live_connections() == 1; }));
}

void KeepsItsOwnBoundToo() {
  Pair pair(3);
  pair.a.engine->SetMaxConnections(1);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  Fd next = pair.a.Connect();
  pair.a.RunUntil([] { return false; }, 50);
  CHECK_EQ(pair.a.engine->live_connections(), 1u);
  // By the time it may take the next one, the others have the rest.
  __atomic_store_n(&pair.cells[1], 3, __ATOMIC_SEQ_CST);
  ResetNow(&client);
  CHECK(pair.a.RunUntil([&] { return pair.waits(0); }));
  __atomic_store_n(&pair.cells[1], 2, __ATOMIC_SEQ_CST);
  CHECK(pair.a.RunUntil([&] { return pair.a.engine->live_connections() == 1; }));
}

void CountsWhatIsLiveWhenTheLimitComes() {
  Pair pair(5);
  Fd client, upstream, next;
  pair.a.Forwarding(&client, &upstream);
  pair.a.engine->ShareMaxConnections(SharedCount());
  CHECK_EQ(pair.held(0), 0);
  pair.a.engine->ShareMaxConnections(SharedCount(pair.cells, 2, 0, 1));
  CHECK_EQ(pair.held(0), 1);
  next = pair.a.Connect();
  CHECK(pair.a.RunUntil([&] { return pair.waits(0); }));
  pair.a.engine->ShareMaxConnections(SharedCount());
  CHECK(!pair.waits(0));
  CHECK(pair.a.RunUntil([&] { return pair.a.engine->live_connections() == 2; }));
}

void WaitsNoMoreWithoutAListener() {
  Pair pair(1);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  Fd waiting = pair.b.Connect();
  CHECK(pair.b.RunUntil([&] { return pair.waits(1); }));
  pair.b.engine->StopListening(0);
  CHECK(pair.b.RunUntil([&] { return !pair.waits(1); }));
  CHECK_EQ(pair.b.engine->Listen(1, Fd(::dup(pair.b.listener.get())), {2000, 65536, false}), 0);
  ResetNow(&client);
  CHECK(pair.a.RunUntil([&] { return pair.a.engine->live_connections() == 0; }));
  CHECK(pair.b.RunUntil([&] { return pair.b.engine->live_connections() == 1; }));
}

void HoldsNothingOnceItIsClosed() {
  Pair pair(9);
  Fd client, upstream;
  pair.a.Forwarding(&client, &upstream);
  CHECK_EQ(pair.held(0), 1);
  pair.a.engine->Close(Outcome::kDrained);
  CHECK_EQ(pair.held(0), 0);
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  AcceptsWhatAnotherLetsGo();
  LooksNowAndThenWhileItWaits();
  LeavesTheTurnToWhoWaits();
  TakesItsOwnNextAtOnceWhereNobodyElseWaits();
  AcceptsWhatADeadProcessHeld();
  KeepsItsOwnBoundToo();
  CountsWhatIsLiveWhenTheLimitComes();
  WaitsNoMoreWithoutAListener();
  HoldsNothingOnceItIsClosed();
  return check::Finish();
}
