#pragma once
// DistinctValues: the distinct values of a column, sorted, and for every row the rank of its value among
// them. What dictionary encoding needs. Reuses its memory; one thread.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "capture/base/bytes.hpp"
#include "storage/radix_sort.hpp"

namespace tapline::storage {

/// T is trivially copyable, and some words of 64 bits, by which it is ordered, the first one first.
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

  /// Sorts what collect() found; sorted() and rank() hold afterwards. Those that are of one word (addresses:
  /// of IPv4) and near each other by their distance from the least of them, with the id below it; the others
  /// by comparing.
  void sort() {
    const auto [least, bits] = extent_of_words();
    const bool near = bits <= 64 - kIdBits && count_ <= kIdsMax;
    distances_.clear();
    others_.clear();
    for (std::uint32_t id = 0; id < count_; ++id) {
      const T& value = values_[id];
      if (near && is_word(value))
        distances_.push_back((last_word(value) - least) << kIdBits | id);
      else
        others_.push_back({value, id});
    }
    if (distances_.size() < kFew)
      std::ranges::sort(distances_);
    else
      radix_sort(distances_, kIdBits, bits, scratch_);
    std::ranges::sort(others_, {}, &Ordered::value);
    rank_all();
  }

  std::size_t count() const { return count_; }
  std::span<const T> sorted() const { return sorted_; }
  std::uint64_t rank(std::size_t row) const { return rank_of_id_[ids_[row]]; }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;
  static constexpr std::size_t kFew = 512;  // for which a digit's 2,048 counters are too many

  static constexpr unsigned kIdBits = 17;  // all ids of a row group
  static constexpr std::size_t kIdsMax = std::size_t{1} << kIdBits;

  struct Ordered {
    T value;
    std::uint32_t id;
  };

  static std::uint64_t last_word(const T& value) {
    std::uint64_t word;
    std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(&value) + sizeof value - 8, 8);
    return word;
  }
  /// Less than all that are not.
  static bool is_word(const T& value) {
    constexpr T kZero{};
    return std::memcmp(&value, &kZero, sizeof value - 8) == 0;
  }

  struct Extent {
    std::uint64_t least = ~std::uint64_t{0};
    unsigned bits = 0;  // of the distance to the greatest
  };
  Extent extent_of_words() const {
    Extent extent;
    std::uint64_t greatest = 0;
    for (std::size_t id = 0; id < count_; ++id) {
      if (!is_word(values_[id])) continue;
      extent.least = std::min(extent.least, last_word(values_[id]));
      greatest = std::max(greatest, last_word(values_[id]));
    }
    if (greatest > extent.least) extent.bits = static_cast<unsigned>(std::bit_width(greatest - extent.least));
    return extent;
  }

  void rank_all() {
    sorted_.resize(count_);
    rank_of_id_.resize(count_);
    std::uint32_t rank = 0;
    const auto append = [&](std::uint32_t id) {
      sorted_[rank] = values_[id];
      rank_of_id_[id] = rank++;
    };
    for (const std::uint64_t distance : distances_) append(distance & (kIdsMax - 1));
    for (const Ordered& other : others_) append(other.id);
  }

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
  std::vector<std::uint64_t> distances_;
  std::vector<std::uint64_t> scratch_;
  std::vector<Ordered> others_;
  std::vector<std::uint32_t> rank_of_id_;
  std::vector<T> sorted_;
};

}  // namespace tapline::storage
