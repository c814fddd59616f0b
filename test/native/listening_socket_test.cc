// Several listening sockets on one port.
#include "listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "accept_queue.h"
#include "check.h"
#include "fd.h"

using namespace sluice;

namespace {

// Opens a socket at a port of 127.0.0.1; 0: any.
Fd Open(uint16_t port, bool shares_port, bool joins) {
  ListeningSocketOptions options;
  options.address.family = 4;
  options.address.port = port;
  ::inet_pton(AF_INET, "127.0.0.1", options.address.bytes);
  options.backlog = 128;
  options.shares_port = shares_port;
  options.joins = joins;
  Fd opened;
  CHECK_EQ(OpenListeningSocket(options, &opened).error, 0);
  return opened;
}

sockaddr_in NameOf(const Fd& fd) {
  sockaddr_in name = {};
  socklen_t length = sizeof(name);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length);
  return name;
}

// Over loopback each has connected by the time the call returns.
std::vector<Fd> Knock(const sockaddr_in& at, int times) {
  std::vector<Fd> clients;
  for (int i = 0; i < times; i++) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    CHECK_EQ(::connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
  }
  return clients;
}

void DealsToTheFirstOnesOnly() {
  const Fd first = Open(0, true, false);
  const sockaddr_in at = NameOf(first);
  const Fd second = Open(ntohs(at.sin_port), true, true);
  Fd third = Open(ntohs(at.sin_port), true, true);
  CHECK_EQ(DealTo(second.get(), 2), 0);
  const auto some = Knock(at, 60);
  CHECK_EQ(AcceptQueueLength(third.get()), 0);
  CHECK(AcceptQueueLength(first.get()) > 0);
  CHECK(AcceptQueueLength(second.get()) > 0);
  third.Close();
  const auto more = Knock(at, 30);
  CHECK_EQ(AcceptQueueLength(first.get()) + AcceptQueueLength(second.get()), 90);

  const Fd again = Open(ntohs(at.sin_port), true, true);
  CHECK_EQ(DealTo(first.get(), 3), 0);
  const auto last = Knock(at, 60);
  CHECK(AcceptQueueLength(again.get()) > 0);
}

void LetsOthersJoinASocketThatWasAlone() {
  const Fd alone = Open(0, false, false);
  CHECK_EQ(DealTo(alone.get(), 1), -EINVAL);
  CHECK_EQ(SharePort(alone.get()), 0);
  const sockaddr_in at = NameOf(alone);
  const Fd joined = Open(ntohs(at.sin_port), true, true);
  const auto clients = Knock(at, 60);
  CHECK(AcceptQueueLength(alone.get()) > 0);
  CHECK(AcceptQueueLength(joined.get()) > 0);
}

void TellsWhetherOneListens() {
  CHECK_EQ(IsListening(Open(0, false, false).get()), 1);
  CHECK_EQ(IsListening(Fd(::socket(AF_INET, SOCK_STREAM, 0)).get()), 0);
  CHECK_EQ(IsListening(-1), -EBADF);
}

}  // namespace

int main() {
  DealsToTheFirstOnesOnly();
  LetsOthersJoinASocketThatWasAlone();
  TellsWhetherOneListens();
  return check::Finish();
}
