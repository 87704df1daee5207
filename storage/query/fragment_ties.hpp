#pragma once
// FragmentTies: which session the later fragments of a datagram belong to. They have no ports: addresses,
// protocol and identification name the first fragment, which has them, wherever and on whatever port it was
// stored, and also where it came after them. Of a datagram that is a tunnel's, the first fragment shows the
// packet that it carries, and the later ones are the rest of that packet.

#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/query/session_selection.hpp"

namespace tapline::query {

class FragmentTies {
 public:
  static constexpr std::size_t kFirstsMax = std::size_t{2} << 20;  // 192 MiB

  /// Of these sessions, which stay as they are.
  explicit FragmentTies(const SessionSelection& sessions);

  /// A first fragment, of whatever session: an identification is used again. False, and not taken, where
  /// there are kFirstsMax.
  bool add(const Frame& first, const PacketMeta& meta);
  /// After the last add().
  void sort();
  bool empty() const { return firsts_.empty(); }

  struct Tie {
    SessionSelection::Match match;
    bool carried = false;  // the session is that of a packet within the datagram
  };
  /// By the first fragment that is nearest in time, kTiedNs away at most: the session of its five-tuple that
  /// has the time of the later one, else its own, if that is near; else that of the packet it carries.
  Tie find(const Frame& later, const PacketMeta& meta) const;

 private:
  struct Datagram {
    std::uint64_t fragments;  // fingerprint of fragment_key()
    std::uint32_t ip_id;
    bool from_b;

    friend auto operator<=>(const Datagram&, const Datagram&) = default;
  };
  struct First {
    Datagram datagram;
    TimeNs time_ns;
    FlowKey key;
    Direction direction;
    SessionSelection::Match carried;  // of a packet within it

    std::pair<Datagram, TimeNs> place() const { return {datagram, time_ns}; }
  };
  static First read(const Frame& fragment, const PacketMeta& meta);

  const SessionSelection& sessions_;
  std::unordered_set<std::uint64_t> wanted_;  // Datagram::fragments
  std::vector<First> firsts_;                 // by place()
};

}  // namespace tapline::query
