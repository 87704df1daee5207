#pragma once
// ReadCount: bytes and calls by which this process has read files, by the kernel's account (proc(5), "io":
// rchar and syscr), whether the page cache had them or not. For tests of one thread that say how much a
// question reads.

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace tapline::test {

struct ReadCount {
  std::uint64_t bytes = 0;
  std::uint64_t calls = 0;
};

/// Nothing where the kernel keeps no such account.
inline std::optional<ReadCount> read_count() {
  std::ifstream account("/proc/self/io");
  ReadCount count;
  std::string name;
  std::uint64_t value = 0;
  int found = 0;
  while (account >> name >> value) {
    if (name == "rchar:") count.bytes = value;
    if (name == "syscr:") count.calls = value;
    if (name == "rchar:" || name == "syscr:") ++found;
  }
  return found == 2 ? std::optional(count) : std::nullopt;
}

/// What `work` reads; of looking at the account itself a few bytes may be left.
template <class Work>
std::optional<ReadCount> reads_of(const Work& work) {
  const std::optional<ReadCount> first = read_count();
  const std::optional<ReadCount> before = read_count();
  work();
  const std::optional<ReadCount> after = read_count();
  if (!first || !before || !after) return std::nullopt;
  return ReadCount{after->bytes - before->bytes - (before->bytes - first->bytes),
                   after->calls - before->calls - (before->calls - first->calls)};
}

}  // namespace tapline::test
