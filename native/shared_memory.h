#pragma once

#include <cstddef>

#include "fd.h"

namespace sluice {

// Opens anonymous memory of `size` bytes, all zero, that lives as long as a descriptor or a mapping of it. Pages cost
// nothing until they are touched. 0 or -errno; it can neither shrink nor grow, so a mapping never faults.
int CreateSharedMemory(size_t size, Fd* memory);

// The whole of a shared memory, mapped: what one process writes, the others that map it see. The descriptor is not
// needed any more.
class SharedMapping {
 public:
  SharedMapping() = default;
  SharedMapping(const SharedMapping&) = delete;
  SharedMapping& operator=(const SharedMapping&) = delete;
  ~SharedMapping();

  // 0 or -errno. EINVAL: the descriptor is not one that `CreateSharedMemory` opened. To be called once.
  int Map(int memory_fd);
  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sluice
