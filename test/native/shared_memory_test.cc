// Memory that processes share, and counts in it.
#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "check.h"
#include "shared_count.h"

using namespace sluice;

namespace {

void ShowsAProcessWhatAnotherHasWritten() {
  Fd memory;
  CHECK_EQ(CreateSharedMemory(1 << 16, &memory), 0);
  SharedMapping mapping;
  CHECK_EQ(mapping.Map(memory.get()), 0);
  CHECK_EQ(mapping.size(), size_t{1 << 16});
  auto* words = static_cast<int32_t*>(mapping.data());
  CHECK_EQ(words[0], 0);
  const pid_t child = ::fork();
  if (child == 0) {
    SharedMapping own;
    if (own.Map(memory.get()) != 0) ::_exit(1);
    static_cast<int32_t*>(own.data())[(1 << 14) - 1] = 7;
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK_EQ(status, 0);
  CHECK_EQ(words[(1 << 14) - 1], 7);
}

void OutlivesItsDescriptor() {
  Fd memory;
  CHECK_EQ(CreateSharedMemory(4096, &memory), 0);
  SharedMapping mapping;
  CHECK_EQ(mapping.Map(memory.get()), 0);
  memory.Close();
  static_cast<uint8_t*>(mapping.data())[4095] = 1;
  CHECK_EQ(static_cast<uint8_t*>(mapping.data())[4095], 1);
}

void MapsOnlyWhatCannotBeCutShort() {
  Fd memory;
  CHECK_EQ(CreateSharedMemory(8192, &memory), 0);
  CHECK_EQ(::ftruncate(memory.get(), 4096), -1);
  CHECK_EQ(::ftruncate(memory.get(), 16384), -1);
  SharedMapping mapping;
  const Fd unsealed(::memfd_create("unsealed", MFD_CLOEXEC));
  CHECK_EQ(::ftruncate(unsealed.get(), 4096), 0);
  CHECK_EQ(mapping.Map(unsealed.get()), -EINVAL);
  const Fd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK_EQ(mapping.Map(file.get()), -EINVAL);
  CHECK_EQ(mapping.Map(-1), -EBADF);
}

void HoldsNoMoreThanTheLimitOverAllProcesses() {
  int32_t cells[6] = {};
  SharedCount a(cells, 3, 0, 4), b(cells, 3, 2, 4);
  CHECK(a.TryHold(1) && a.TryHold(2) && b.TryHold(1) && b.TryHold(2));
  CHECK(!a.HasRoom());
  CHECK(!a.TryHold(3) && !b.TryHold(3));
  CHECK_EQ(cells[0], 2);
  CHECK_EQ(cells[2], 2);
  b.Hold(1);
  CHECK(a.HasRoom() && a.TryHold(3) && !b.TryHold(2));
}

void KnowsWhetherOthersWait() {
  int32_t cells[4] = {};
  SharedCount a(cells, 2, 0, 1), b(cells, 2, 1, 1);
  a.SetWaiting(true);
  CHECK(!a.DoOthersWait() && b.DoOthersWait());
  a.SetWaiting(false);
  CHECK(!b.DoOthersWait());
}

void LimitsNothingWithoutMemory() {
  SharedCount none;
  CHECK(!none.is_shared() && none.TryHold(UINT32_MAX) && none.HasRoom() && !none.DoOthersWait());
  none.SetWaiting(true);
}

// Processes that take and give back as fast as they can, each watching that the limit holds while it has its share.
void IsNotExceededByProcessesThatHammerIt() {
  constexpr uint32_t kProcesses = 4;
  constexpr uint32_t kLimit = 3;
  Fd memory;
  CHECK_EQ(CreateSharedMemory(4096, &memory), 0);
  SharedMapping mapping;
  CHECK_EQ(mapping.Map(memory.get()), 0);
  auto* cells = static_cast<int32_t*>(mapping.data());
  int32_t* inside = cells + 64;
  pid_t children[kProcesses];
  for (uint32_t own = 0; own < kProcesses; own++) {
    children[own] = ::fork();
    if (children[own] != 0) continue;
    SharedCount count(cells, kProcesses, own, kLimit);
    uint32_t held = 0;
    for (int taken = 0; taken < 100000;) {
      if (held < 2 && count.TryHold(held + 1)) {
        held++;
        taken++;
        if (__atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST) > static_cast<int32_t>(kLimit)) ::_exit(1);
      } else if (held > 0) {
        __atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);
        count.Hold(--held);
      } else {
        ::sched_yield();
      }
    }
    for (; held > 0; held--) __atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);
    count.Hold(0);
    ::_exit(0);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK_EQ(status, 0);
  }
}

}  // namespace

int main() {
  ShowsAProcessWhatAnotherHasWritten();
  OutlivesItsDescriptor();
  MapsOnlyWhatCannotBeCutShort();
  HoldsNoMoreThanTheLimitOverAllProcesses();
  KnowsWhetherOthersWait();
  LimitsNothingWithoutMemory();
  IsNotExceededByProcessesThatHammerIt();
  return check::Finish();
}
