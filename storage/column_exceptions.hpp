#pragma once
// Exceptions: the rows of a column whose value is not the usual one, and their values. Most columns of
// session records are mostly 0, and what is to be done to their values is done to the exceptions only. Reuses
// its memory; one thread.

#include <smmintrin.h>

#include <cstdint>
#include <span>
#include <vector>

namespace tapline::storage {

class Exceptions {
 public:
  /// False, and nothing known, where more than `count_max` rows differ from `usual`.
  bool collect(std::span<const std::uint64_t> column, std::uint64_t usual, std::size_t count_max) {
    const std::size_t room = count_max + kBlockRows;
    if (rows_.size() < room) rows_.resize(room);
    if (values_.size() < room) values_.resize(room);
    count_ = 0;
    const std::size_t blocks_end = column.size() - column.size() % kBlockRows;
    for (std::size_t row = 0; row < blocks_end; row += kBlockRows) {
      if (is_usual(column.data() + row, usual)) continue;
      append(column.data(), row, kBlockRows, usual);
      if (count_ > count_max) return false;
    }
    append(column.data(), blocks_end, column.size() - blocks_end, usual);
    return count_ <= count_max;
  }

  /// After values() were changed: changes them in the column, too.
  void put_back(std::span<std::uint64_t> column) const {
    for (std::size_t i = 0; i < count_; ++i) column[rows_[i]] = values_[i];
  }

  std::span<const std::uint32_t> rows() const { return {rows_.data(), count_}; }  // ascending
  std::span<std::uint64_t> values() { return {values_.data(), count_}; }          // of these rows

 private:
  static constexpr std::size_t kBlockRows = 8;

  static bool is_usual(const std::uint64_t* block, std::uint64_t usual) {
    const __m128i usual_pair = _mm_set1_epi64x(static_cast<long long>(usual));
    __m128i differing_bits = _mm_setzero_si128();
    for (std::size_t i = 0; i < kBlockRows; i += 2) {
      const __m128i pair = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i));
      differing_bits = _mm_or_si128(differing_bits, _mm_xor_si128(pair, usual_pair));
    }
    return _mm_testz_si128(differing_bits, differing_bits) != 0;
  }

  // Without a branch: what is usual is overwritten by the next row. Pointers are local, so that they stay in
  // registers.
  void append(const std::uint64_t* column, std::size_t begin, std::size_t count, std::uint64_t usual) {
    std::uint32_t* const rows = rows_.data() + count_;
    std::uint64_t* const values = values_.data() + count_;
    std::size_t appended = 0;
    for (std::size_t row = begin; row < begin + count; ++row) {
      const std::uint64_t value = column[row];
      rows[appended] = static_cast<std::uint32_t>(row);
      values[appended] = value;
      appended += value != usual ? 1 : 0;
    }
    count_ += appended;
  }

  std::vector<std::uint32_t> rows_;  // the first count_ of them
  std::vector<std::uint64_t> values_;
  std::size_t count_ = 0;
};

}  // namespace tapline::storage
