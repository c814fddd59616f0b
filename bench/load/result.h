#ifndef SLUICE_BENCH_LOAD_RESULT_H_
#define SLUICE_BENCH_LOAD_RESULT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

/** What is counted while it is measured. */
struct Result {
  uint64_t operations = 0;
  uint64_t bytes = 0;
  uint64_t errors = 0;
  std::vector<uint32_t> latencies_ns;

  void Add(uint64_t latency_ns) {
    operations++;
    latencies_ns.push_back(static_cast<uint32_t>(std::min<uint64_t>(latency_ns, UINT32_MAX)));
  }

  /** One JSON object on standard output. */
  void Print(double seconds, const std::vector<uint64_t>& cpu_ns) {
    std::sort(latencies_ns.begin(), latencies_ns.end());
    printf("{\"operations\":%llu,\"bytes\":%llu,\"errors\":%llu,\"seconds\":%.6f,",
           static_cast<unsigned long long>(operations), static_cast<unsigned long long>(bytes),
           static_cast<unsigned long long>(errors), seconds);
    printf("\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"cpuNs\":[", PercentileUs(0.5), PercentileUs(0.99),
           PercentileUs(0.999));
    for (size_t i = 0; i < cpu_ns.size(); i++) {
      printf("%s%llu", i > 0 ? "," : "", static_cast<unsigned long long>(cpu_ns[i]));
    }
    printf("]}\n");
  }

 private:
  /** Of sorted latencies. */
  double PercentileUs(double share) const {
    if (latencies_ns.empty()) return 0;
    return latencies_ns[static_cast<size_t>(share * static_cast<double>(latencies_ns.size() - 1))] / 1e3;
  }
};

#endif  // SLUICE_BENCH_LOAD_RESULT_H_
