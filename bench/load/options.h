#ifndef SLUICE_BENCH_LOAD_OPTIONS_H_
#define SLUICE_BENCH_LOAD_OPTIONS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

enum class Mode { kConnect, kEcho, kDown, kUp, kIdle };

/** The largest message, and what is sent at once in bulk. */
constexpr size_t kChunk = 256 * 1024;

struct Options {
  uint16_t proxy = 0;
  uint16_t server = 0;
  Mode mode = Mode::kConnect;
  size_t backends = 1;
  size_t clients = 64;
  size_t size = 1024;
  size_t names = 1;
  /** New connections a second in all; 0: as many as come through. */
  double rate = 0;
  double warm_seconds = 0;
  double seconds = 1;
  bool is_direct = false;
  bool is_spinning = false;
  std::vector<pid_t> watched;
  std::vector<uint8_t> hello;
};

/** False when the words make no sense. */
bool ParseOptions(int count, char** words, Options* options);

#endif  // SLUICE_BENCH_LOAD_OPTIONS_H_
