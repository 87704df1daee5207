#pragma once
// SessionSelection: the sessions that a question about packets asks for, and which of them a frame belongs
// to.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "capture/base/time_window.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"
#include "storage/query/filter_index_query.hpp"

namespace tapline::query {

class SessionSelection {
 public:
  /// `pad_ns`: how much before and after a session still belongs to it.
  explicit SessionSelection(TimeNs pad_ns) : pad_ns_(pad_ns) {}

  /// The newest record of a session.
  void add(const SessionRecord& record);
  std::size_t size() const { return count_; }

  struct Match {
    const SessionRecord* session = nullptr;  // null: of none
    bool from_originator = false;
  };
  /// By five-tuple and time; where sessions of one tuple overlap through padding, the earliest.
  Match find(const Frame& frame, const PacketMeta& meta) const;

  /// Blocks that may hold frames of any of the sessions.
  IndexQuery index_query() const;
  /// From the first frame of the earliest session to the last of the latest, padding included.
  TimeWindow window() const { return window_; }

 private:
  /// When a frame of its five-tuple is the session's.
  TimeWindow frames_of(const SessionRecord& session) const;

  TimeNs pad_ns_;
  std::size_t count_ = 0;
  TimeWindow window_{TimeWindow::kUnlimitedUntil, TimeWindow::kUnlimitedSince};
  std::unordered_map<std::uint64_t, std::vector<SessionRecord>> by_fingerprint_;
};

}  // namespace tapline::query
