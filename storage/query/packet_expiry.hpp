#pragma once
// PacketExpiry: whether the packets of a session are still in the store, or the ring has dropped them:
// session records outlive packets. Told from a catalog alone, when an answer is made; nothing of it is
// stored. A look at a session costs some binary searches. Immutable; any thread.

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "capture/packet/session_record.hpp"
#include "storage/catalog.hpp"

namespace tapline::query {

/// Of the packets of a session that were stored.
enum class ExpiredPackets : std::uint8_t {
  kNone,
  kSome,  // at least the first or last one of a direction, and at least one such is still there
  kAll,
  /// Segments of its time have expired and others are there, and the frames whose times a record knows do not
  /// tell which of them had its packets; or a volume of that time is missing, or something was set aside.
  kUnknown,
};
const char* expired_packets_name(ExpiredPackets expired);  // "none", "some", "all", "unknown"

class PacketExpiry {
 public:
  /// Of each `.open` segment its block headers are read, to know when it begins.
  explicit PacketExpiry(const storage::Catalog& catalog);

  ExpiredPackets of(const SessionRecord& session) const;

 private:
  /// Closed intervals; sorted and disjoint after unite().
  class Times {
   public:
    void add(TimeNs first_ns, TimeNs last_ns) { intervals_.emplace_back(first_ns, last_ns); }
    void unite();
    bool touch(TimeNs first_ns, TimeNs last_ns) const;

   private:
    std::vector<std::pair<TimeNs, TimeNs>> intervals_;
  };
  using Writer = std::pair<std::uint16_t, std::uint16_t>;  // port, worker: all frames of a session have one
  struct WriterTimes {
    Times stored;
    Times expired;
  };

  std::map<Writer, WriterTimes> writers_;
  Times folded_;     // expired, of whatever writer
  Times uncertain_;  // nobody knows what was stored
};

}  // namespace tapline::query
