// Accept queues that let nobody new in.
#include "accept_queue.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fd.h"

using namespace sluice;

namespace {

struct Listening {
  Fd fd;
  sockaddr_in6 address = {};
};

// Takes both families, as a listener of `:PORT` does.
Listening Listen() {
  Listening listening;
  listening.fd = Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0));
  listening.address.sin6_family = AF_INET6;
  socklen_t length = sizeof(listening.address);
  ::bind(listening.fd.get(), reinterpret_cast<sockaddr*>(&listening.address), length);
  ::listen(listening.fd.get(), 16);
  ::getsockname(listening.fd.get(), reinterpret_cast<sockaddr*>(&listening.address), &length);
  return listening;
}

// Begins to connect; over loopback it has connected by the time the call returns, or has been ignored.
Fd Knock(const Listening& at, int family) {
  Fd client(::socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
  sockaddr_in6 six = at.address;
  six.sin6_addr = in6addr_loopback;
  sockaddr_in four = {};
  four.sin_family = AF_INET;
  four.sin_port = at.address.sin6_port;
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (family == AF_INET6) {
    ::connect(client.get(), reinterpret_cast<sockaddr*>(&six), sizeof(six));
  } else {
    ::connect(client.get(), reinterpret_cast<sockaddr*>(&four), sizeof(four));
  }
  return client;
}

bool IsConnected(const Fd& client) {
  pollfd wanted = {client.get(), POLLOUT, 0};
  return ::poll(&wanted, 1, 0) == 1 && (wanted.revents & (POLLERR | POLLHUP)) == 0;
}

void LetsNobodyInAndLosesNobodyWhoIsIn(int family) {
  const Listening listening = Listen();
  const Fd early = Knock(listening, family);
  CHECK_EQ(AcceptQueueLength(listening.fd.get()), 1);
  CHECK_EQ(RefuseSyns(listening.fd.get()), 0);
  const Fd late = Knock(listening, family);
  CHECK(!IsConnected(late));
  CHECK_EQ(AcceptQueueLength(listening.fd.get()), 1);

  const Fd accepted(::accept4(listening.fd.get(), nullptr, nullptr, 0));
  CHECK(accepted.is_open());
  CHECK_EQ(AcceptQueueLength(listening.fd.get()), 0);
  char said[5] = {};
  CHECK_EQ(::send(early.get(), "early", 5, 0), 5);
  CHECK_EQ(::recv(accepted.get(), said, sizeof(said), MSG_WAITALL), 5);
}

void LetsThemInAgain() {
  const Listening listening = Listen();
  CHECK_EQ(AdmitSyns(listening.fd.get()), 0);
  CHECK_EQ(RefuseSyns(listening.fd.get()), 0);
  CHECK_EQ(AdmitSyns(listening.fd.get()), 0);
  CHECK(IsConnected(Knock(listening, AF_INET)));
}

void TellsWhyNot() {
  CHECK_EQ(RefuseSyns(-1), -EBADF);
  CHECK_EQ(AdmitSyns(-1), -EBADF);
  CHECK_EQ(AcceptQueueLength(-1), -EBADF);
}

}  // namespace

int main() {
  LetsNobodyInAndLosesNobodyWhoIsIn(AF_INET);
  LetsNobodyInAndLosesNobodyWhoIsIn(AF_INET6);
  LetsThemInAgain();
  TellsWhyNot();
  return check::Finish();
}
