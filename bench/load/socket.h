#ifndef SLUICE_BENCH_LOAD_SOCKET_H_
#define SLUICE_BENCH_LOAD_SOCKET_H_

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>

struct Socket {
  int fd = -1;
  bool is_listener = false;
  bool is_server = false;
  size_t hello_left = 0;  // Server: bytes of the hello still to come.
  size_t expected = 0;    // Client: bytes of the answer still to come.
  size_t unsent = 0;      // Bytes of the current message still to send.
  bool is_up = false;     // Client: the first answer has come.
  uint64_t started_ns = 0;
};

sockaddr_in Address(uint32_t host, uint16_t port);

/** Negative where somebody else has the port. */
int ListenAt(const sockaddr_in& own);

/** On its way: the connection stands, or has failed, when epoll says so. */
int ConnectFrom(const sockaddr_in& from, const sockaddr_in& to);

#endif  // SLUICE_BENCH_LOAD_SOCKET_H_
