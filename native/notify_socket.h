#pragma once

#include <string>

namespace sluice {

// Sends one datagram to the socket at a path, or in the abstract namespace where `address` begins with "@", as
// sd_notify(3) does. Never waits. 0, or -errno.
int NotifySocket(const std::string& address, const std::string& message);

}  // namespace sluice
