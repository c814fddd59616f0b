// An upstream that is reset before its first byte: another is sent all that it was sent.
#include <netinet/tcp.h>

#include "stage.h"

using namespace sluice;

namespace {

// Segments so small keep the kernel from enlarging the send buffers of those that connect here.
void ShrinkSegments(const Fd& listener) {
  const int bytes = 200;
  ::setsockopt(listener.get(), IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof(bytes));
}

Fd SecondUpstream(Stage* stage) {
  Fd listener = Bound();
  ::listen(listener.get(), 128);
  stage->policy.dial_failed = [stage, port = PortOf(listener.get())](auto&, Answer* answer) {
    stage->DialPort(port, answer);
  };
  return listener;
}

Fd AcceptFrom(Stage* stage, const Fd& listener) {
  Fd fd;
  CHECK(stage->RunUntil([&] {
    fd = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
    return fd.is_open();
  }));
  return fd;
}

void SendsThePrefixToAnother() {
  Stage stage;
  const Fd second = SecondUpstream(&stage);
  Fd client, upstream;
  stage.Forwarding(&client, &upstream);
  ResetNow(&upstream);
  Fd other = AcceptFrom(&stage, second);
  CHECK(stage.Receive(other, 6) == Stage::Text("prefix"));
  CHECK(stage.policy.dial_errors == std::vector<int>({ECONNRESET}));
  ::send(other.get(), "answer", 6, 0);
  CHECK(stage.Receive(client, 6) == Stage::Text("answer"));
  ResetNow(&other);
  CHECK_EQ(stage.NextEnd(client), ECONNRESET);
  CHECK(stage.EndsWith(1));
  CHECK_EQ(stage.policy.endings[0].attempts, 2u);
  CHECK_EQ(stage.policy.endings[0].bytes_up, 6u);
}

// The first took a part of header and prefix: the second gets its own header and the whole prefix.
void SendsAllOfAPrefixThatWasSentInPart() {
  Stage stage;
  ShrinkSegments(stage.upstream_listener);
  SetReceiveBuffer(stage.upstream_listener, 4096);
  const Fd second = SecondUpstream(&stage);
  const Bytes header(5000, 'h');
  const auto dial = stage.policy.dial_failed;
  stage.policy.dial_failed = [&](auto& view, Answer* answer) {
    dial(view, answer);
    answer->header = header.data();
    answer->header_size = 100;
  };
  stage.policy.hello = [&](auto&, auto*, Answer* answer) {
    stage.DialUpstream(answer);
    answer->header = header.data();
    answer->header_size = header.size();
  };
  const Bytes prefix = Pattern(0, 60000, 1);
  Fd client = stage.Connect();
  CHECK_EQ(::send(client.get(), prefix.data(), prefix.size(), 0), 60000);
  Fd upstream = stage.AcceptUpstream();
  stage.RunUntil([] { return false; }, 20);
  ResetNow(&upstream);
  Fd other = AcceptFrom(&stage, second);
  CHECK(stage.Receive(other, 100) == Bytes(100, 'h'));
  CHECK(stage.Receive(other, prefix.size()) == prefix);
  ::shutdown(client.get(), SHUT_WR);
  CHECK_EQ(stage.NextEnd(other), 0);
}

// What the first took later on is sent to the second too.
void SendsAllOfAPrefixThatWasSentPieceByPiece() {
  Stage stage;
  ShrinkSegments(stage.upstream_listener);
  const Fd second = SecondUpstream(&stage);
  const Bytes header(40000, 'h');
  stage.policy.hello = [&](auto&, auto*, Answer* answer) {
    stage.DialUpstream(answer);
    answer->header = header.data();
    answer->header_size = header.size();
  };
  const Bytes prefix = Pattern(0, 60000, 2);
  Fd client = stage.Connect();
  CHECK_EQ(::send(client.get(), prefix.data(), prefix.size(), 0), 60000);
  Fd upstream = stage.AcceptUpstream();
  CHECK(stage.Receive(upstream, header.size()) == header);
  CHECK(stage.Receive(upstream, prefix.size()) == prefix);
  ResetNow(&upstream);
  Fd other = AcceptFrom(&stage, second);
  CHECK(stage.Receive(other, prefix.size()) == prefix);
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  SendsThePrefixToAnother();
  SendsAllOfAPrefixThatWasSentInPart();
  SendsAllOfAPrefixThatWasSentPieceByPiece();
  return check::Finish();
}
