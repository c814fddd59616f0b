#include "socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace {

void SetOn(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
}

}  // namespace

sockaddr_in Address(uint32_t host, uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

int ListenAt(const sockaddr_in& own) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SetOn(fd, SOL_SOCKET, SO_REUSEADDR);
  SetOn(fd, IPPROTO_TCP, TCP_NODELAY);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0) return -1;
  return listen(fd, 4096) == 0 ? fd : -1;
}

int ConnectFrom(const sockaddr_in& from, const sockaddr_in& to) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SetOn(fd, IPPROTO_TCP, TCP_NODELAY);
  SetOn(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
  connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  return fd;
}
