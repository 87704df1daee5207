#pragma once
// TcpHoles: what of one direction's stream has not been seen, though later numbers were. The first kMax holes
// are kept; what is beyond is given up, the oldest first, and counts as a gap from then on.

#include <array>
#include <cstdint>

namespace tapline::flowgen {

/// From one sequence number to another: positive where `to` is later, whatever has wrapped (RFC 9293, section
/// 3.4).
inline std::int32_t sequence_distance(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

class TcpHoles {
 public:
  static constexpr std::uint32_t kMax = 4;

  bool empty() const { return count_ == 0; }
  void clear() { count_ = 0; }
  /// [begin, end) in sequence numbers, beyond all holes there are.
  void add(std::uint32_t begin, std::uint32_t end);
  /// The same, below all holes there are.
  void add_below(std::uint32_t begin, std::uint32_t end);
  /// Gives up what begins half of all numbers before `next` or more: it could not be told from what comes.
  /// Called whenever the stream goes on, so that all holes lie within that half.
  void give_up_far_from(std::uint32_t next);
  /// [begin, end) has been seen; how many bytes of holes that was.
  std::uint32_t fill(std::uint32_t begin, std::uint32_t end);

  /// How many holes begin in [begin, end).
  std::uint32_t begun_between(std::uint32_t begin, std::uint32_t end) const;
  /// Bytes given up, and those open below `end`.
  std::uint64_t bytes_below(std::uint32_t end) const;
  /// One past the last number seen; `next`: one past the highest sent.
  std::uint32_t seen_end(std::uint32_t next) const;

 private:
  struct Hole {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t bytes() const { return end - begin; }
  };

  void give_up_oldest();

  std::array<Hole, kMax> holes_;  // ascending, apart
  std::uint64_t given_up_bytes_ : 48;
  std::uint64_t count_ : 16;
};

}  // namespace tapline::flowgen
