#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

// Memory that ends where an inaccessible page begins: reading one byte past what was placed there kills the test.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t capacity) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    usable_ = (capacity + page - 1) / page * page;
    mapped_ = usable_ + page;
    void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    base_ = static_cast<uint8_t*>(memory);
    if (mprotect(base_ + usable_, page, PROT_NONE) != 0) std::abort();
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { munmap(base_, mapped_); }

  // The copy's last byte is the last accessible one. Valid until the next call.
  const uint8_t* Place(const uint8_t* bytes, size_t size) {
    if (size > usable_) std::abort();
    uint8_t* place = base_ + usable_ - size;
    if (size > 0) std::memcpy(place, bytes, size);
    return place;
  }

 private:
  uint8_t* base_;
  size_t usable_;
  size_t mapped_;
};
