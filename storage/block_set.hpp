#pragma once
// BlockSet: which blocks of one segment may hold an answer. A bitmap; combined by the query planner.

#include <bit>
#include <cstdint>
#include <vector>

#include "capture/base/check.hpp"

namespace tapline::storage {

class BlockSet {
 public:
  /// `full`: all blocks, else none.
  BlockSet(std::uint32_t block_count, bool full)
      : block_count_(block_count), words_((block_count + 63) / 64, full ? ~std::uint64_t{0} : 0) {
    if (full && block_count % 64 != 0) words_.back() = (std::uint64_t{1} << (block_count % 64)) - 1;
  }

  std::uint32_t block_count() const { return block_count_; }
  void add(std::uint32_t block) { words_[block / 64] |= std::uint64_t{1} << (block % 64); }
  void remove(std::uint32_t block) { words_[block / 64] &= ~(std::uint64_t{1} << (block % 64)); }
  bool contains(std::uint32_t block) const { return (words_[block / 64] >> (block % 64) & 1) != 0; }

  void intersect(const BlockSet& other) {
    TAPLINE_CHECK(other.block_count_ == block_count_);
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void unite(const BlockSet& other) {
    TAPLINE_CHECK(other.block_count_ == block_count_);
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }

  std::uint32_t count() const {
    std::uint32_t count = 0;
    for (const std::uint64_t word : words_) count += static_cast<std::uint32_t>(std::popcount(word));
    return count;
  }

  /// Block numbers in ascending order.
  std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        numbers.push_back(i * 64 + static_cast<std::uint32_t>(std::countr_zero(word)));
      }
    }
    return numbers;
  }

 private:
  std::uint32_t block_count_;
  std::vector<std::uint64_t> words_;
};

}  // namespace tapline::storage
