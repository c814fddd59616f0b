#ifndef SLUICE_BENCH_LOAD_CLOCK_H_
#define SLUICE_BENCH_LOAD_CLOCK_H_

#include <sys/types.h>
#include <time.h>

#include <cstdint>

inline uint64_t ReadNs(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t NowNs() { return ReadNs(CLOCK_MONOTONIC); }

/** All threads, those that have ended too; 0 when there is no such process. */
inline uint64_t CpuNs(pid_t pid) {
  clockid_t clock;
  return clock_getcpuclockid(pid, &clock) == 0 ? ReadNs(clock) : 0;
}

#endif  // SLUICE_BENCH_LOAD_CLOCK_H_
