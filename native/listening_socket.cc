#include "listening_socket.h"

#include <linux/filter.h>
#include <netinet/in.h>
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

int SharePort(int listening_fd) {
  const int on = 1;
  return ::setsockopt(listening_fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 ? 0 : -errno;
}

int DealTo(int listening_fd, uint32_t count) {
  if (count == 0) return -EINVAL;
  // What the program returns is the index of a socket: they stand in the order in which they joined, and where one
  // leaves the last takes its place (reuseport_detach_sock), so closing those past `count` moves none of the others.
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  const sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  const int result = ::setsockopt(listening_fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
  return result == 0 ? 0 : -errno;
}

int IsListening(int fd) {
  int listens = 0;
  socklen_t length = sizeof(listens);
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 ? listens : -errno;
}

}  // namespace sluice
