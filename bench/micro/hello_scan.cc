// The C++ part of hello-scan.ts: nanoseconds for one scan of each file, a scanner of its own each time.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "client_hello.h"

int main(int count, char** paths) {
  constexpr int kRounds = 5;
  constexpr int kCallsPerRound = 500000;
  for (int index = 1; index < count; index++) {
    std::ifstream file(paths[index], std::ios::binary);
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    double best = 1e9;
    int complete = 0;
    for (int round = 0; round < kRounds; round++) {
      const auto start = std::chrono::steady_clock::now();
      for (int call = 0; call < kCallsPerRound; call++) {
        sluice::HelloScanner scanner(65536);
        sluice::HelloFacts facts;
        complete += scanner.Scan(bytes.data(), bytes.size(), &facts) == sluice::HelloStatus::kComplete ? 1 : 0;
      }
      const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
      best = std::min(best, took.count() / kCallsPerRound);
    }
    const char* name = std::strrchr(paths[index], '/') + 1;
    std::printf("%s, %zu bytes: C++ scan%s %.0f ns\n", name, bytes.size(), complete > 0 ? "" : " (not complete!)", best);
  }
}
