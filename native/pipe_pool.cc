#include "pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace sluice {

std::unique_ptr<Pipe> PipePool::Take() {
  if (!idle_.empty()) {
    std::unique_ptr<Pipe> pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  auto pipe = std::make_unique<Pipe>();
  pipe->read_end = Fd(ends[0]);
  pipe->write_end = Fd(ends[1]);
  int capacity = ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kCapacity));
  if (capacity < 0) capacity = ::fcntl(ends[1], F_GETPIPE_SZ);
  if (capacity < static_cast<int>(kLeastCapacity)) return nullptr;
  pipe->capacity = static_cast<size_t>(capacity);
  return pipe;
}

void PipePool::Return(std::unique_ptr<Pipe> pipe) {
  if (pipe && pipe->fill == 0 && idle_.size() < kMostPooled) idle_.push_back(std::move(pipe));
}

bool PipePool::Shed() {
  if (idle_.empty()) return false;
  idle_.clear();
  return true;
}

}  // namespace sluice
