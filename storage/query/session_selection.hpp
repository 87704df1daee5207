#pragma once
// SessionSelection: the sessions that a question about packets asks for, and which of them a frame belongs
// to, or an ICMP error is about. Later fragments: FragmentTies.

#include <cstdint>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "capture/base/time_window.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/icmp_quote.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"
#include "storage/query/filter_index_query.hpp"

namespace tapline::query {

/// How far from its first fragment a later one may be, or an error about it: 60 s is the longest that anybody
/// waits for a fragment (RFC 8200, section 4.5).
inline constexpr TimeNs kTiedNs = 65 * kNsPerSecond;
/// How far from a session's frames may be what belongs to it, but no record counts: errors (3 s is how long a
/// router asks in vain for the address of a host) and fragments (of another worker, or before their first
/// one). Farther away another session of the five-tuple may have begun.
inline constexpr TimeNs kStrayNs = 10 * kNsPerSecond;

class SessionSelection {
 public:
  /// `pad_ns`: how much before and after a session still belongs to it.
  explicit SessionSelection(TimeNs pad_ns) : pad_ns_(pad_ns) {}

  /// The newest record of a session.
  void add(const SessionRecord& record);
  std::size_t size() const { return count_; }
  /// Some are in tunnels.
  bool in_tunnels() const { return in_tunnels_; }
  /// The key of a flow that carries some of them: fragments of its datagrams may be fragments of what it
  /// carries.
  void add_carrier(const FlowKey& key) { carriers_.insert(flow_fingerprint(fragment_key(key))); }
  /// Whether fragments of this key may be some session's.
  bool has_fragments_of(const FlowKey& key) const;

  struct Match {
    const SessionRecord* session = nullptr;  // null: of none
    bool from_originator = false;
  };
  /// By five-tuple and time; where sessions of one tuple overlap through padding, the earliest.
  Match find(const Frame& frame, const PacketMeta& meta) const;
  /// The same of a frame that is known by its key.
  Match find(const FlowKey& key, Direction direction, TimeNs time_ns) const;
  /// Whether a frame that no record counts may be the session's.
  bool is_near(const SessionRecord& session, TimeNs time_ns) const;
  /// The session that an ICMP error of `time_ns` is about: the latest that had begun by then. The error goes
  /// the other way than the packet.
  Match find_quoted(const QuotedPacket& quoted, TimeNs time_ns) const;

  /// Blocks that may hold frames of any of the sessions, and errors about them.
  IndexQuery index_query() const;
  /// Blocks that hold fragments, first and later ones, between the same addresses, or those of carriers.
  IndexQuery fragment_query() const;
  /// Of fragment_key() of each, and of carriers, in any order, perhaps repeated.
  std::vector<std::uint64_t> fragment_fingerprints() const;
  /// From the first frame of the earliest session to the last of the latest, padding included.
  TimeWindow window() const { return window_; }

 private:
  /// When a frame of its five-tuple is the session's.
  TimeWindow frames_of(const SessionRecord& session) const;
  /// Of the key's five-tuple, by first time.
  std::span<const SessionRecord> sessions_of(const FlowKey& key) const;

  TimeNs pad_ns_;
  std::size_t count_ = 0;
  TimeWindow window_{TimeWindow::kUnlimitedUntil, TimeWindow::kUnlimitedSince};
  std::unordered_map<std::uint64_t, std::vector<SessionRecord>> by_fingerprint_;
  std::set<std::uint64_t> carriers_;  // fingerprints of their fragment_key()
  bool in_tunnels_ = false;
};

}  // namespace tapline::query
