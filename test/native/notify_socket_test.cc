// Datagrams to a service manager.
#include "notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "check.h"
#include "fd.h"

using namespace sluice;

namespace {

// A receiver as a service manager has one; `address` begins with "@" where it is abstract.
Fd Receiver(const std::string& address) {
  sockaddr_un at = {};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, address.data(), address.size());
  size_t length = offsetof(sockaddr_un, sun_path) + address.size();
  if (address[0] == '@') at.sun_path[0] = '\0';
  else length++;
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), static_cast<socklen_t>(length)) == 0);
  return fd;
}

std::string Received(const Fd& receiver) {
  char text[256];
  const ssize_t length = ::recv(receiver.get(), text, sizeof(text), 0);
  return length < 0 ? "nothing" : std::string(text, static_cast<size_t>(length));
}

void ReachesAPath() {
  const std::string path = "/tmp/sluice-notify-" + std::to_string(::getpid());
  const Fd receiver = Receiver(path);
  CHECK_EQ(NotifySocket(path, "READY=1\nSTATUS=serving"), 0);
  CHECK_EQ(Received(receiver), "READY=1\nSTATUS=serving");
  ::unlink(path.c_str());
}

void ReachesAnAbstractAddress() {
  const std::string address = "@sluice-notify-" + std::to_string(::getpid());
  const Fd receiver = Receiver(address);
  CHECK_EQ(NotifySocket(address, "STOPPING=1"), 0);
  CHECK_EQ(Received(receiver), "STOPPING=1");
}

void TellsWhyItReachesNobody() {
  CHECK_EQ(NotifySocket("/tmp/sluice-nobody-is-here", "READY=1"), -ENOENT);
  CHECK_EQ(NotifySocket("@sluice-nobody-is-here", "READY=1"), -ECONNREFUSED);
  CHECK_EQ(NotifySocket("", "READY=1"), -EINVAL);
  CHECK_EQ(NotifySocket("/" + std::string(sizeof(sockaddr_un::sun_path) - 1, 'x'), "READY=1"), -EINVAL);
}

}  // namespace

int main() {
  ReachesAPath();
  ReachesAnAbstractAddress();
  TellsWhyItReachesNobody();
  return check::Finish();
}
