#pragma once
// FragmentTies: which session the later fragments of a datagram belong to. They have no ports: addresses,
// protocol and identification name the first fragment, which has them, wherever and on whatever port it was
// stored, and also where it came after them. Of a datagram that is a tunnel's, the first fragment shows the
// packets that it carries, and the later ones are the rest of those.

#include <functional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/query/session_selection.hpp"

namespace tapline::query {

class FragmentTies {
 public:
  static constexpr std::size_t kFirstsMax = std::size_t{2} << 20;  // 224 MiB

  using Match = SessionSelection::Match;
  /// Whether a packet of a session, seen in a first fragment, is asked for.
  using Accepts = std::function<bool(const Match& match, const Frame& packet, const PacketMeta& meta)>;

  /// Of these sessions, which stay as they are.
  explicit FragmentTies(const SessionSelection& sessions);

  /// A first fragment, of whatever session: an identification is used again. False, and not taken, where
  /// there are kFirstsMax.
  bool add(const Frame& first, const PacketMeta& meta, const Accepts& accepts);
  /// After the last add().
  void sort();
  bool empty() const { return firsts_.empty(); }

  struct Tie {
    Match own;             // of the fragment's five-tuple
    bool carries = false;  // some packet within its datagram is asked for
  };
  /// By the first fragment that is nearest in time, kTiedNs away at most. `own`: the session of its
  /// five-tuple that has the time of the later one, else its own, if that is near.
  Tie find(const Frame& later, const PacketMeta& meta) const;

 private:
  struct Datagram {
    std::uint64_t fragments;  // fingerprint of fragment_key()
    std::uint32_t ip_id;
    bool from_b;

    friend auto operator<=>(const Datagram&, const Datagram&) = default;
  };
  using Place = std::pair<Datagram, TimeNs>;
  struct First {
    Datagram datagram;
    TimeNs time_ns;
    FlowKey key;
    Direction direction;
    bool carries = false;
    std::vector<Datagram> carried_fragments;  // later ones, whose first fragments tell

    Place place() const { return {datagram, time_ns}; }
  };
  static First read(const Frame& fragment, const PacketMeta& meta);
  const First* nearest(const Place& place) const;
  Match session_of(const First& first, TimeNs later_ns) const;

  const SessionSelection& sessions_;
  std::unordered_set<std::uint64_t> wanted_;  // Datagram::fragments
  std::vector<First> firsts_;                 // by place()
};

}  // namespace tapline::query
