#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace sluice {

namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW;

}  // namespace

int CreateSharedMemory(size_t size, Fd* memory) {
  Fd created(::memfd_create("sluice-limits", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!created.is_open()) return -errno;
  if (::ftruncate(created.get(), static_cast<off_t>(size)) != 0) return -errno;
  if (::fcntl(created.get(), F_ADD_SEALS, kSeals) != 0) return -errno;
  *memory = std::move(created);
  return 0;
}

int SharedMapping::Map(int memory_fd) {
  // Without the seal another process could cut it short, and an access past the end is a SIGBUS.
  const int seals = ::fcntl(memory_fd, F_GET_SEALS);
  if (seals < 0) return -errno;
  if ((seals & kSeals) != kSeals) return -EINVAL;
  // fstat would do, too, but its symbol needs glibc 2.33: prebuilt addons are to load with the 2.28 of Node.js 20.
  const off_t end = ::lseek(memory_fd, 0, SEEK_END);
  if (end < 0) return -errno;
  const size_t size = static_cast<size_t>(end);
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
  if (mapped == MAP_FAILED) return -errno;
  data_ = mapped;
  size_ = size;
  return 0;
}

SharedMapping::~SharedMapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace sluice
