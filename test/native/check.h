// What a native test is written with: CHECK in a plain main, which ends with `return check::Finish();`.
#pragma once

#include <cstdio>
#include <iostream>

namespace check {

inline long made = 0;
inline long failed = 0;

inline bool Report(bool holds, const char* file, int line, const char* what) {
  made++;
  if (holds) return true;
  if (++failed <= 20) std::cerr << file << ":" << line << ": does not hold: " << what << "\n";
  return false;
}

template <typename A, typename B>
bool ReportEqual(const A& actual, const B& expected, const char* file, int line, const char* what) {
  if (Report(actual == expected, file, line, what)) return true;
  if (failed <= 20) std::cerr << "  it is " << actual << ", not " << expected << "\n";
  return false;
}

// Says how many checks were made; the exit code.
inline int Finish() {
  std::printf("%ld checks, %ld failed\n", made, failed);
  if (made == 0) std::printf("a test that checks nothing has failed\n");
  return failed == 0 && made > 0 ? 0 : 1;
}

}  // namespace check

#define CHECK(condition) check::Report(static_cast<bool>(condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(actual, expected) \
  check::ReportEqual((actual), (expected), __FILE__, __LINE__, #actual " == " #expected)
