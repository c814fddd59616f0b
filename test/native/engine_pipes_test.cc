// Pipes: lent, given back, and never with the bytes of another connection in them.
#include "stage.h"

using namespace sluice;

namespace {

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

uint64_t SplicedOfMessages(size_t size) {
  Stage stage;
  SetReceiveBuffer(stage.listener, 1024 * 1024);
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  const Bytes message(size, 'm');
  for (int i = 0; i < 8; i++) {
    // In one piece: the engine reads it once it is all there.
    CHECK_EQ(::send(client.get(), message.data(), size, 0), static_cast<ssize_t>(size));
    CHECK(stage.Receive(upstream, size) == message);
  }
  return stage.engine->stats().spliced_bytes;
}

// A reader that keeps up leaves less in the socket than a read could take, and its bulk is spliced all the same.
void SplicesLargeMessagesAndCopiesSmallOnes() {
  CHECK(SplicedOfMessages(48 * 1024) > 0);
  CHECK_EQ(SplicedOfMessages(16 * 1024), 0u);
}

// A stream that turns into small messages is copied again, and the pipe it had goes back before it falls silent.
void HoldsNoPipeWhenItFallsSilent() {
  Stage stage;
  constexpr size_t kCount = 6;
  Fd clients[kCount], upstreams[kCount];
  size_t with_one = 0;
  for (size_t i = 0; i < kCount; i++) {
    stage.Forwarding(&clients[i], &upstreams[i]);
    const size_t sent = stage.SendUntilStuck(upstreams[i]);
    CHECK(stage.Receive(clients[i], sent).size() == sent);
    for (int message = 0; message < 16; message++) {
      ::send(upstreams[i].get(), "small", 5, 0);
      CHECK_EQ(stage.Receive(clients[i], 5).size(), size_t{5});
    }
    if (i == 0) with_one = OpenDescriptors();
  }
  CHECK(stage.engine->stats().spliced_bytes > 0);
  // Each has two sockets here and two in the engine; they can share the pipe of the first.
  CHECK_EQ(OpenDescriptors(), with_one + (kCount - 1) * 4);
}

// Pipes that nobody uses make room when descriptors run out.
void GivesItsIdlePipesUpForConnections() {
  Stage stage;
  std::vector<Fd> clients(4), upstreams(4);
  for (size_t i = 0; i < clients.size(); i++) {
    stage.Forwarding(&clients[i], &upstreams[i]);
    stage.SendUntilStuck(upstreams[i]);
  }
  for (size_t i = 0; i < clients.size(); i++) {
    upstreams[i].Close();
    CHECK_EQ(stage.NextEnd(clients[i], 20000), 0);
    clients[i].Close();
  }
  CHECK(stage.EndsWith(clients.size()));
  Fd client = stage.Connect();
  const Hoard hoard;
  ::send(client.get(), "prefix", 6, 0);
  Fd upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(upstream, 6) == Stage::Text("prefix"));
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  KeepsTheBytesOfAnAbortedConnectionToItself();
  SplicesLargeMessagesAndCopiesSmallOnes();
  CopiesWhereThereAreNoPipes();
  HoldsNoPipeWhenItFallsSilent();
  GivesItsIdlePipesUpForConnections();
  return check::Finish();
}
