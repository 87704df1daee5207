#pragma once
// PayloadShedder: under overload, the step between storing raw and dropping whole frames: payload of the
// largest flows is left out. From how many blocks wait for the disk it decides which share of the payload has
// to go, and from a histogram of the payload of late, by the size of its flow, from which size on: so the
// largest go first, and of a flow its later bytes. One thread; allocates nothing.
//
// Thresholds, in parts of the blocks that no lane needs (backlog), match EffortControl's, which stores raw
// from 6/8 on until 4/8: from 6/8 payload is counted, until 4/8; from 7/8 it is left out, until 5/8. In
// between the share rises from nothing at 5/8 to all at 8/8, so that the backlog comes to rest where what is
// left is what the disk takes.

#include <array>
#include <cstdint>

namespace tapline::sensor {

class PayloadShedder {
 public:
  /// All of them wait: the next frame may find none.
  static constexpr unsigned kBacklogMax = 256;

  /// Once a burst. `backlog`: 0..kBacklogMax.
  void observe(unsigned backlog) {
    if (backlog < kCountFrom && !counting_) [[likely]]
      return;
    adapt(backlog);
  }

  /// False: nothing is left out, and count() need not be called.
  bool counting() const { return counting_; }

  /// While counting(): a frame with `payload_bytes`, of a flow and direction that had `before` ahead of it.
  /// True where its payload is to be left out.
  bool sheds(std::uint32_t before, std::uint32_t payload_bytes);

 private:
  static constexpr unsigned kCountFrom = kBacklogMax * 6 / 8;
  static constexpr unsigned kCountUntil = kBacklogMax * 4 / 8;
  static constexpr unsigned kShedFrom = kBacklogMax * 7 / 8;
  static constexpr unsigned kShedUntil = kBacklogMax * 5 / 8;

  void adapt(unsigned backlog);
  void forget_half();

  bool counting_ = false;
  bool shedding_ = false;
  unsigned size_class_from_ = 0;           // while shedding: flows of this class and above
  std::uint64_t counted_bytes_ = 0;        // sum of the histogram
  std::array<std::uint64_t, 33> bytes_{};  // by the bits of `before`: class 0 is a direction's first payload
};

}  // namespace tapline::sensor
