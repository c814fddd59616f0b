#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

namespace sluice {

// An IP address and port. `family` is 4 or 6 (0: none); IPv4 uses the first four of `bytes`, network order.
struct Address {
  uint8_t bytes[16] = {};
  uint16_t port = 0;
  uint8_t family = 0;
};

bool IsLoopback(const Address& address);

// An IPv4-mapped IPv6 address (what a dual-stack socket reports, RFC 4291 section 2.5.5.2) becomes the IPv4 one.
Address FromSockaddr(const sockaddr_storage& from);

// Fills `to` and returns its length.
socklen_t ToSockaddr(const Address& from, sockaddr_storage* to);

}  // namespace sluice
