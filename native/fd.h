#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace sluice {

// Owns one descriptor and closes it.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

  // Linux frees the descriptor even when close(2) fails, so it is called once and never retried.
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // For a socket: the Close that follows sends RST and drops what is still in the send queue (socket(7), SO_LINGER).
  void ResetOnClose() {
    const linger now = {1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

 private:
  int fd_ = -1;
};

}  // namespace sluice
