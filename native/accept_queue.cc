#include "accept_queue.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace sluice {

namespace {

// A filter of a TCP socket sees packets from the TCP header on.
constexpr unsigned kFlagsOffset = 13;
constexpr unsigned kSyn = 0x02;

}  // namespace

int RefuseSyns(int listening_fd) {
  // Accepted sockets inherit it, to whom a SYN means nothing.
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOffset),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  const sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  const int result = ::setsockopt(listening_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
  return result == 0 ? 0 : -errno;
}

int AdmitSyns(int listening_fd) {
  const int ignored = 0;
  if (::setsockopt(listening_fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored)) == 0) return 0;
  return errno == ENOENT ? 0 : -errno;
}

int AcceptQueueLength(int listening_fd) {
  tcp_info info = {};
  socklen_t length = sizeof(info);
  if (::getsockopt(listening_fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return -errno;
  // For a listening socket this is the length of its queue (tcp_get_info in the kernel).
  return static_cast<int>(info.tcpi_unacked);
}

}  // namespace sluice
