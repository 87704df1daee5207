#pragma once
// TapSurvey: what a mirror port or tap does to the traffic that it shows, as far as ledger and sessions tell:
// frames twice, one direction only, tags on one direction, frames put together by offloads, a session's
// directions on different workers, a clock that was set. Each finding says how much and what to change.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "capture/packet/session_record.hpp"
#include "flowgen/flow_hash.hpp"
#include "storage/ledger_row.hpp"

namespace tapline::tools {

struct TapFinding {
  std::uint16_t port = 0;  // interface of the source: SessionRecord's link, LedgerRow's port
  std::string_view name;   // "duplicates", ...
  std::uint64_t part = 0;
  std::uint64_t whole = 0;
  std::string_view unit;  // what both count
  std::string_view advice;
};

class TapSurvey {
 public:
  /// Sessions that are looked at, the newest of a store.
  static constexpr std::uint64_t kSessionsMax = 1u << 18;

  void add(const storage::LedgerRow& row);
  /// A final record; others are passed over.
  void add(const SessionRecord& record);
  std::uint64_t sessions() const { return sessions_; }

  /// What exceeds the shares that healthy links show, by port.
  std::vector<TapFinding> findings() const;

 private:
  struct Link {
    std::uint64_t sessions = 0;
    std::uint64_t conversations = 0;  // TCP, with more than an attempt
    std::uint64_t one_way = 0;        // of these: acknowledges what was not seen
    std::uint64_t tagged = 0;         // both directions seen, and a tag on one at least
    std::uint64_t tags_differ = 0;
    std::uint64_t split = 0;  // sessions of one direction, the other of which another worker has
  };
  struct OneSided {
    std::uint16_t worker;
    Direction direction;
    TimeNs first_ns;
    TimeNs last_ns;
  };
  void note_one_sided(const SessionRecord& record, Link& link);

  std::uint64_t sessions_ = 0;
  std::map<std::uint16_t, Link> links_;
  struct Port {
    storage::LedgerCounts counts;
    std::uint64_t rows = 0;  // seconds, of each worker its own
  };
  std::map<std::uint16_t, Port> ports_;
  std::unordered_map<FlowKey, OneSided, flowgen::FlowHash> one_sided_{16, flowgen::FlowHash(0)};
};

/// Lines for people: nothing where nothing was found.
std::string format_findings(const TapSurvey& survey);
/// A JSON object each; names: README.md.
std::vector<std::string> findings_json(const TapSurvey& survey);

}  // namespace tapline::tools
