#pragma once
// SliceProgress: an answer given in slices of order time, so that it can go on while the store is written.
// What of every segment is still to be given: blocks that came since the last slice, and older ones with
// frames that were later than it. A block that comes late, with frames from before the slice, gives these,
// too: every frame once, whatever the clocks did.

#include <cstdint>
#include <set>
#include <unordered_map>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/block_set.hpp"
#include "storage/catalog.hpp"

namespace tapline::query {

class SliceProgress {
 public:
  /// Of the slice that is given now: half open, in order time.
  const TimeWindow& slice() const { return slice_; }
  /// The next slice reaches from the end of the one before to `until_ns`.
  void begin_slice(TimeNs until_ns);

  /// Nothing of the file is left to be given.
  bool is_done(const storage::CatalogFile& segment) const;
  /// Takes out of `blocks` what was given before.
  void restrict_to_rest(const storage::CatalogFile& segment, storage::BlockSet& blocks) const;
  /// Which frames of the block belong to the slice.
  TimeWindow order_of(const storage::CatalogFile& segment, std::uint32_t block) const;

  /// The segment has `block_count` blocks by now, of which `waiting` begin after the slice.
  void note_planned(const storage::CatalogFile& segment, std::uint32_t block_count, bool finished,
                    const std::vector<std::uint32_t>& waiting);
  /// A block of the slice has frames that are later; `unread`: none of it was given, those of earlier slices
  /// included.
  void note_later(const storage::CatalogFile& segment, std::uint32_t block, bool unread);
  /// It was said that the segment cannot be read: that is not said again.
  void give_up(const storage::CatalogFile& segment);

 private:
  struct Segment {
    std::uint32_t blocks_seen = 0;
    std::set<std::uint32_t> pending;  // of those
    std::set<std::uint32_t> unread;   // of pending
    bool finished = false;
  };

  const Segment* find(const storage::CatalogFile& segment) const;

  TimeWindow slice_{TimeWindow::kUnlimitedSince, TimeWindow::kUnlimitedSince};
  std::unordered_map<std::uint64_t, Segment> segments_;  // by FinalName::id_high, which no rename changes
};

}  // namespace tapline::query
