#pragma once
// DistinctValues: the distinct values of a column, sorted, and for every row the rank of its value among
// them. What dictionary encoding needs. Reuses its memory; one thread.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/base/bytes.hpp"

namespace tapline::storage {

/// T is trivially copyable, ordered, and a multiple of 8 bytes.
template <class T>
class DistinctValues {
 public:
  /// False, and nothing known, where there are more than `count_max` distinct values.
  bool collect(std::span<const T> rows, std::size_t count_max) {
    count_max = std::min(count_max, rows.size());
    const auto slot_bits = static_cast<unsigned>(std::bit_width(2 * count_max + 1));
    if (values_.size() < count_max) values_.resize(count_max);
    if (ids_.size() < rows.size()) ids_.resize(rows.size());
    slots_.assign(std::size_t{1} << slot_bits, kFree);
    // Local, so that they stay in registers.
    T* const values = values_.data();
    std::uint32_t* const slots = slots_.data();
    std::uint32_t* const ids = ids_.data();
    std::uint32_t count = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const T value = rows[row];
      std::size_t slot = hash(value) >> (64 - slot_bits);
      std::uint32_t id = slots[slot];
      while (id != kFree && values[id] != value) {
        slot = (slot + 1) & (slots_.size() - 1);
        id = slots[slot];
      }
      if (id == kFree) {
        if (count == count_max) return false;
        values[count] = value;
        slots[slot] = id = count++;
      }
      ids[row] = id;
    }
    count_ = count;
    return true;
  }

  /// Sorts what collect() found; sorted() and rank() hold afterwards.
  void sort() {
    order_.resize(count_);
    for (std::uint32_t id = 0; id < count_; ++id) order_[id] = {values_[id], id};
    std::ranges::sort(order_, [](const Ordered& a, const Ordered& b) { return a.value < b.value; });
    sorted_.resize(count_);
    rank_of_id_.resize(count_);
    for (std::uint32_t rank = 0; rank < count_; ++rank) {
      sorted_[rank] = order_[rank].value;
      rank_of_id_[order_[rank].id] = rank;
    }
  }

  std::size_t count() const { return count_; }
  std::span<const T> sorted() const { return sorted_; }
  std::uint64_t rank(std::size_t row) const { return rank_of_id_[ids_[row]]; }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;

  struct Ordered {
    T value;
    std::uint32_t id;
  };

  /// Its upper bits depend on all bits of the value.
  static std::uint64_t hash(const T& value) {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < sizeof value; at += 8) {
      sum =
          (std::rotl(sum, 32) ^ load_le<std::uint64_t>(reinterpret_cast<const std::uint8_t*>(&value) + at)) *
          0x9E3779B97F4A7C15;
    }
    return sum;
  }

  std::vector<T> values_;             // in the order of their first row: ids; the first count_ of them
  std::vector<std::uint32_t> slots_;  // open addressing, at most half full
  std::vector<std::uint32_t> ids_;    // per row
  std::size_t count_ = 0;
  std::vector<Ordered> order_;
  std::vector<std::uint32_t> rank_of_id_;
  std::vector<T> sorted_;
};

}  // namespace tapline::storage
