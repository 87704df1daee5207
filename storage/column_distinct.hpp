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
    values_.clear();
    ids_.resize(rows.size());
    slots_.assign(std::bit_ceil(2 * (std::min(count_max, rows.size()) + 1)), kFree);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::uint32_t id = find_or_add(rows[row]);
      if (values_.size() > count_max) return false;
      ids_[row] = id;
    }
    return true;
  }

  /// Sorts what collect() found; sorted() and ranks() hold afterwards.
  void sort() {
    order_.resize(values_.size());
    for (std::uint32_t id = 0; id < values_.size(); ++id) order_[id] = {values_[id], id};
    std::ranges::sort(order_, [](const Ordered& a, const Ordered& b) { return a.value < b.value; });
    sorted_.resize(values_.size());
    rank_of_id_.resize(values_.size());
    for (std::uint32_t rank = 0; rank < order_.size(); ++rank) {
      sorted_[rank] = order_[rank].value;
      rank_of_id_[order_[rank].id] = rank;
    }
    ranks_.resize(ids_.size());
    for (std::size_t row = 0; row < ids_.size(); ++row) ranks_[row] = rank_of_id_[ids_[row]];
  }

  std::size_t count() const { return values_.size(); }
  std::span<const T> sorted() const { return sorted_; }
  std::span<const std::uint64_t> ranks() const { return ranks_; }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;

  struct Ordered {
    T value;
    std::uint32_t id;
  };

  static std::uint64_t hash(const T& value) {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < sizeof value; at += 8) {
      sum = (sum ^ load_le<std::uint64_t>(reinterpret_cast<const std::uint8_t*>(&value) + at)) *
            0x9E3779B97F4A7C15;
      sum ^= sum >> 32;
    }
    return sum;
  }

  std::uint32_t find_or_add(const T& value) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash(value) & mask;; slot = (slot + 1) & mask) {
      if (slots_[slot] == kFree) {
        slots_[slot] = static_cast<std::uint32_t>(values_.size());
        values_.push_back(value);
        return slots_[slot];
      }
      if (values_[slots_[slot]] == value) return slots_[slot];
    }
  }

  std::vector<T> values_;             // in the order of their first row: ids
  std::vector<std::uint32_t> slots_;  // open addressing, at most half full
  std::vector<std::uint32_t> ids_;    // per row
  std::vector<Ordered> order_;
  std::vector<std::uint32_t> rank_of_id_;
  std::vector<T> sorted_;
  std::vector<std::uint64_t> ranks_;  // per row
};

}  // namespace tapline::storage
