#include "notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "fd.h"

namespace sluice {

int NotifySocket(const std::string& address, const std::string& message) {
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  // A path ends with a zero byte; an abstract name is all of its length, and begins with one.
  const bool is_abstract = !address.empty() && address[0] == '@';
  if (address.size() < 2 || address.size() + (is_abstract ? 0 : 1) > sizeof(to.sun_path)) return -EINVAL;
  std::memcpy(to.sun_path, address.data(), address.size());
  if (is_abstract) to.sun_path[0] = '\0';
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() + (is_abstract ? 0 : 1));

  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return -errno;
  const ssize_t sent = ::sendto(fd.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&to), length);
  return sent >= 0 ? 0 : -errno;
}

}  // namespace sluice
