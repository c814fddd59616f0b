#include "listening_socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace sluice {

namespace {

int SetOption(const Fd& fd, int level, int name, int value) {
  return ::setsockopt(fd.get(), level, name, &value, sizeof(value)) == 0 ? 0 : errno;
}

// SO_REUSEADDR on Linux permits what is left of old connections on the port, never another listener.
int SetOptionsBeforeBind(const Fd& fd, const ListeningSocketOptions& options) {
  if (const int error = SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return error;
  if (const int error = SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return error;
  if (options.address.family == 6) {
    if (const int error = SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only)) return error;
  }
  if (options.joins) return SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return 0;
}

}  // namespace

SystemFailure OpenListeningSocket(const ListeningSocketOptions& options, Fd* opened) {
  const int domain = options.address.family == 6 ? AF_INET6 : AF_INET;
  Fd fd(::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return {"socket", errno};
  if (const int error = SetOptionsBeforeBind(fd, options)) return {"setsockopt", error};

  sockaddr_storage address;
  const socklen_t length = ToSockaddr(options.address, &address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return {"bind", errno};
  if (::listen(fd.get(), options.backlog) != 0) return {"listen", errno};

  // The first socket listens before it permits sharing: so "address in use" is found out without a gap, even
  // against another process that does the same. Linux takes it into the group when the second one joins.
  if (options.shares_port && !options.joins) {
    if (const int error = SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return {"setsockopt", error};
  }
  *opened = std::move(fd);
  return {nullptr, 0};
}

}  // namespace sluice
