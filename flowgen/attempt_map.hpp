#pragma once
// AttemptMap: which flows are attempts (one or two frames so far), a bit each, so that a full table finds one
// to evict without looking at the flows that are none.

#include <bit>
#include <cstdint>

#include "flowgen/flow_entry.hpp"
#include "flowgen/mapped_array.hpp"

namespace tapline::flowgen {

class AttemptMap {
 public:
  /// Of flows whose numbers are less than `flows`. kLimit where the memory cannot be had.
  static Result<AttemptMap> create(std::size_t flows) {
    auto words = MappedArray<std::uint64_t>::create(flows / 64 + 1);
    if (!words) return words.error();
    AttemptMap map;
    map.words_ = std::move(*words);
    return map;
  }

  /// Of a flow that is not in it. The entry says whether it is (KeyLine::in_attempt_map()), so that nobody
  /// waits for a word of a map that the cache does not hold.
  void add(std::uint32_t flow) {
    ++count_;
    words_[flow / 64] |= mask(flow);
  }
  void remove(std::uint32_t flow) {
    --count_;
    words_[flow / 64] &= ~mask(flow);
  }

  /// The next one in a circle, which under a flood is about the oldest; kNoFlow where there is none. Looks at
  /// all words in the worst case: 128 KiB of a million flows.
  std::uint32_t next() {
    if (count_ == 0) return kNoFlow;
    std::size_t at = hand_ / 64;
    std::uint64_t word = words_[at] & ~std::uint64_t{0} << hand_ % 64;
    while (word == 0) {
      at = at + 1 == words_.size() ? 0 : at + 1;
      word = words_[at];
    }
    const auto flow = static_cast<std::uint32_t>(at * 64 + static_cast<std::size_t>(std::countr_zero(word)));
    hand_ = (flow + 1) % (words_.size() * 64);
    return flow;
  }

  std::uint64_t count() const { return count_; }

  bool take_pages() { return words_.take_pages(); }
  std::size_t memory_bytes() const { return words_.memory_bytes(); }

 private:
  static std::uint64_t mask(std::uint32_t flow) { return std::uint64_t{1} << flow % 64; }

  MappedArray<std::uint64_t> words_;
  std::uint64_t count_ = 0;
  std::size_t hand_ = 0;
};

}  // namespace tapline::flowgen
