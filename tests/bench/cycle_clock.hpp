#pragma once
// What benchmarks measure cycles with: processor time of the thread, and the rate of the time stamp counter.

#include <time.h>
#include <x86intrin.h>

#include <cstdint>

namespace tapline::cycles {

inline double cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Takes a second.
inline double counter_hertz() {
  timespec begin;
  timespec end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const std::uint64_t counter = __rdtsc();
  do clock_gettime(CLOCK_MONOTONIC, &end);
  while (end.tv_sec - begin.tv_sec < 1);
  const double seconds =
      static_cast<double>(end.tv_sec - begin.tv_sec) + static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e9;
  return static_cast<double>(__rdtsc() - counter) / seconds;
}

}  // namespace tapline::cycles
