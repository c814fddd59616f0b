#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fd.h"

namespace sluice {

// A pipe that splice(2) moves bytes through. Between flows it is always empty.
struct Pipe {
  Fd read_end;
  Fd write_end;
  size_t capacity = 0;
  size_t fill = 0;  // Bytes inside now.
};

// Enlarged pipes, lent to a flow only while bytes are inside them.
class PipePool {
 public:
  // The kernel lets an unprivileged user hold 16,384 pipe pages (pipe-user-pages-soft): 256 of these. Larger
  // ones move no more bytes per instruction.
  static constexpr size_t kCapacity = 256 * 1024;
  // Past the soft limit the kernel makes pipes of a page or two: copying is better than that.
  static constexpr size_t kLeastCapacity = 32 * 1024;
  static constexpr size_t kMostPooled = 32;

  // Null when no pipe of a useful size is to be had (descriptors or pipe pages ran out): the caller copies.
  std::unique_ptr<Pipe> Take();

  // Takes an empty pipe back; one with bytes in it is destroyed, so that they never reach another connection.
  void Return(std::unique_ptr<Pipe> pipe);

  // Closes what nobody uses, for want of descriptors; false when there was nothing.
  bool Shed();

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
};

}  // namespace sluice
