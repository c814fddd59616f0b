// The policy: asked, answered late, out of turn, and calling back in from inside its own hooks.
#include "stage.h"

using namespace sluice;

namespace {

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
  CHECK_EQ(stage.policy.endings[0].attempts, 1u);
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

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  IgnoresAnswersOutOfTurn();
  NoticesAClientThatResetsWhileThePolicyThinks();
  LetsThePolicyEndThingsFromInsideACall();
  TriesTheNextEndpointThePolicyNames();
  SendsTheAlertAndAFinToAClientThatKeepsTalking();
  return check::Finish();
}
