#include "address.h"

#include <arpa/inet.h>

#include <cstring>

namespace sluice {

bool IsLoopback(const Address& address) {
  if (address.family == 4) return address.bytes[0] == 127;
  in6_addr bytes;
  std::memcpy(&bytes, address.bytes, sizeof(bytes));
  return address.family == 6 && IN6_IS_ADDR_LOOPBACK(&bytes);
}

Address FromSockaddr(const sockaddr_storage& from) {
  Address to;
  if (from.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(from);
    to.family = 4;
    to.port = ntohs(in.sin_port);
    std::memcpy(to.bytes, &in.sin_addr, 4);
  } else if (from.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(from);
    to.port = ntohs(in.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
      to.family = 4;
      std::memcpy(to.bytes, in.sin6_addr.s6_addr + 12, 4);
    } else {
      to.family = 6;
      std::memcpy(to.bytes, &in.sin6_addr, 16);
    }
  }
  return to;
}

socklen_t ToSockaddr(const Address& from, sockaddr_storage* to) {
  std::memset(to, 0, sizeof(*to));
  if (from.family == 6) {
    auto* in = reinterpret_cast<sockaddr_in6*>(to);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(from.port);
    std::memcpy(&in->sin6_addr, from.bytes, 16);
    return sizeof(*in);
  }
  auto* in = reinterpret_cast<sockaddr_in*>(to);
  in->sin_family = AF_INET;
  in->sin_port = htons(from.port);
  std::memcpy(&in->sin_addr, from.bytes, 4);
  return sizeof(*in);
}

}  // namespace sluice
