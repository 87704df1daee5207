#pragma once
// FragmentTies: which session the later fragments of a datagram belong to. They have no ports: addresses,
// protocol and identification name the first fragment, which has them, wherever and on whatever port it was
// stored, and also where it came after them.

#include <utility>
#include <vector>

#include "storage/query/session_selection.hpp"

namespace tapline::query {

class FragmentTies {
 public:
  static constexpr std::size_t kFirstsMax = std::size_t{4} << 20;  // 128 MiB

  /// A first fragment, of a session of `sessions` or of another: an identification is used again. False, and
  /// not taken, where there are kFirstsMax.
  bool add(const Frame& first, const PacketMeta& meta, const SessionSelection& sessions);
  /// After the last add().
  void sort();
  /// Of a selected session.
  bool empty() const { return !has_session_; }

  /// The session of a later fragment: that of the first one that is nearest in time, kTiedNs away at most.
  SessionSelection::Match find(const Frame& later, const PacketMeta& meta) const;

 private:
  struct Datagram {
    std::uint64_t fragments;  // fingerprint of fragment_key()
    std::uint32_t ip_id;
    Direction direction;

    friend auto operator<=>(const Datagram&, const Datagram&) = default;
  };
  struct First {
    Datagram datagram;
    TimeNs time_ns;
    const SessionRecord* session;  // null: not selected

    std::pair<Datagram, TimeNs> place() const { return {datagram, time_ns}; }
  };
  static Datagram datagram_of(const Frame& fragment, const PacketMeta& meta);

  std::vector<First> firsts_;  // by datagram, then time
  bool has_session_ = false;
};

}  // namespace tapline::query
