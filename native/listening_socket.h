#pragma once

#include <cstdint>

#include "address.h"
#include "fd.h"

namespace sluice {

struct ListeningSocketOptions {
  // Port 0: the kernel picks one.
  Address address;
  // Of connections not yet accepted; the kernel caps it at net.core.somaxconn.
  int backlog = 0;
  // IPv6 only: whether IPv4 connections are refused.
  bool ipv6_only = false;
  // Several sockets listen on one port, each with its own share of the connections. The first one `joins` nothing
  // and must have the port for itself; the others join it. Nobody but this user can join.
  bool shares_port = false;
  bool joins = false;
};

struct SystemFailure {
  const char* syscall;
  int error;  // An errno value; 0 is success.
};

// Opens a socket that listens, does not block and is closed on exec. TCP_NODELAY is on, and accepted sockets inherit it.
SystemFailure OpenListeningSocket(const ListeningSocketOptions& options, Fd* opened);

// Lets others of this user join a socket that was opened without `shares_port`. -errno when it fails.
int SharePort(int listening_fd);

// Of the sockets that share the port with this one, in the order in which they began to listen, only the first `count`
// get new connections from here on, each as likely as the other. One that gets none is closed without anybody noticing
// once its queue is empty. -errno when it fails; -EINVAL where nobody shares the port.
int DealTo(int listening_fd, uint32_t count);

// 1 where it listens, 0 where it does not, -errno where it is no socket.
int IsListening(int fd);

}  // namespace sluice
