#pragma once
// NewestSessions: one record a uid, the one with the highest seq: what `tapline flows` shows. One thread.
// Memory: sizeof(SessionRecord) a uid and 8 to 16 bytes of table, doubled while it grows; bounded by the
// caller.

#include <span>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/packet/session_record.hpp"

namespace tapline::storage {

class NewestSessions {
 public:
  explicit NewestSessions(std::size_t sessions_max);

  /// Takes the record if its uid is new or its seq higher than what is known; kLimit when sessions_max are
  /// known.
  Status add(const SessionRecord& record);
  /// The same for known uids only: false where the uid is unknown. After a window has been scanned by add(),
  /// later records tell the newest numbers of what was found.
  bool update(const SessionRecord& record);

  /// In the order in which their uids were met.
  std::span<const SessionRecord> records() const { return records_; }
  /// Sessions whose newest record so far is not final: only while there are any, later files matter.
  std::size_t open_sessions() const { return open_sessions_; }
  std::size_t memory_bytes() const;

 private:
  std::size_t slot_of(const Uid& uid) const;
  void replace(SessionRecord& known, const SessionRecord& record);
  void grow();

  std::size_t sessions_max_;
  std::size_t open_sessions_ = 0;
  std::vector<SessionRecord> records_;
  std::vector<std::uint32_t> slots_;  // position in records_ + 1; open addressing, at most half full
};

}  // namespace tapline::storage
