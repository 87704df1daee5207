#pragma once
// Hold: a promise not to evict the packets of a window and filter. A reader asks for it with a text file in
// the store's `holds/`, which it may write; the writer of the store answers in `held/`, which it alone
// writes: whether it holds, which segments, and in the end when and why no longer. What stands in `held/`
// counts, whatever becomes of the request. FORMAT.md, "Holds". The files: hold_folder.hpp.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "capture/base/time.hpp"
#include "capture/base/time_window.hpp"
#include "storage/container_writer.hpp"
#include "storage/text_record.hpp"

namespace tapline::storage {

inline constexpr std::size_t kHoldFilterBytesMax = 16 * 1024;
inline constexpr std::size_t kHoldReasonBytesMax = 1024;  // owner, too
inline constexpr std::uint64_t kHoldSegmentsMax = 1u << 20;
inline constexpr TimeNs kHoldNeverExpires = TimeWindow::kUnlimitedUntil;

/// What is to be held.
struct HoldRequest {
  SegmentId id{};      // random; names the files
  std::string filter;  // of packets, in its canonical form; empty: everything
  TimeWindow window;
  std::string reason;
  std::string owner;
  TimeNs requested_at_ns = 0;  // wall clock
  TimeNs expires_at_ns = kHoldNeverExpires;
  std::uint64_t user_id = 0;  // whose file the request was; not part of its text
};

enum class HoldState : std::uint8_t { kHeld, kRefused, kReleased, kExpired };
const char* hold_state_name(HoldState state);

/// What the writer says about it.
struct Hold {
  struct Interval {
    TimeNs first_ns = 0;  // closed
    TimeNs last_ns = 0;
  };
  static constexpr std::size_t kHolesMax = 64;

  HoldRequest request;
  HoldState state = HoldState::kHeld;
  TimeNs answered_at_ns = 0;  // wall clock: held or refused
  TimeNs ended_at_ns = 0;     // of released and expired ones
  std::string why;            // it was refused, or has ended
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;                // of these and their indexes
  std::uint64_t segments_over_quota = 0;  // were covered when no room was left to hold them
  std::vector<Interval> holes;            // of the window: had expired before
};

/// kCorrupt names what is missing or out of its limits.
Result<HoldRequest> read_hold_request(const TextRecord& record, const SegmentId& id);
TextRecord write_hold_request(const HoldRequest& request);
Result<Hold> read_hold(const TextRecord& record, const SegmentId& id);
TextRecord write_hold(const Hold& hold);
std::string write_held_segments(const std::vector<std::uint64_t>& segments);
/// Lines of 16 hexadecimal digits; kCorrupt where there are others, or too many.
Result<std::vector<std::uint64_t>> read_held_segments(std::string_view text);

}  // namespace tapline::storage
