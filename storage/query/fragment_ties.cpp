#include "storage/query/fragment_ties.hpp"

#include <algorithm>
#include <iterator>

#include "capture/packet/packet_layers.hpp"

namespace tapline::query {

FragmentTies::FragmentTies(const SessionSelection& sessions) : sessions_(sessions) {
  for (const std::uint64_t fingerprint : sessions.fragment_fingerprints()) wanted_.insert(fingerprint);
}

FragmentTies::First FragmentTies::read(const Frame& fragment, const PacketMeta& meta) {
  First read{};
  read.time_ns = fragment.time_ns;
  read.direction = make_flow_key(fragment, meta, 0, read.key);
  // Of an address to itself ports alone tell the direction, which a later fragment does not have.
  const bool from_b = read.direction == Direction::kBToA && read.key.address_a != read.key.address_b;
  read.datagram = {flow_fingerprint(fragment_key(read.key)), meta.ip_id, from_b};
  return read;
}

bool FragmentTies::add(const Frame& first, const PacketMeta& meta, const Accepts& accepts) {
  First read = FragmentTies::read(first, meta);
  if (!wanted_.contains(read.datagram.fragments)) return true;
  if (firsts_.size() == kFirstsMax) return false;
  if (meta.has(kMetaTunnel)) {
    any_inner_packet(first, meta, [&](const Frame& packet, const PacketMeta& packet_meta) {
      if (packet_meta.has(kMetaLaterFragment))
        read.carried_fragments.push_back(FragmentTies::read(packet, packet_meta).datagram);
      const Match match = sessions_.find(packet, packet_meta);
      read.carries = read.carries || (match.session != nullptr && accepts(match, packet, packet_meta));
      return false;
    });
  }
  firsts_.push_back(std::move(read));
  return true;
}

void FragmentTies::sort() {
  std::ranges::sort(firsts_, {}, &First::place);
}

const FragmentTies::First* FragmentTies::nearest(const Place& place) const {
  const First* nearest = nullptr;
  TimeNs nearest_ns = kTiedNs;
  const auto consider = [&](const First& first) {
    const TimeNs distance_ns = std::max(saturating_difference(first.time_ns, place.second),
                                        saturating_difference(place.second, first.time_ns));
    if (first.datagram != place.first || distance_ns > nearest_ns) return;
    nearest = &first;
    nearest_ns = distance_ns;
  };
  const auto after = std::ranges::lower_bound(firsts_, place, {}, &First::place);
  if (after != firsts_.end()) consider(*after);
  if (after != firsts_.begin()) consider(*std::prev(after));
  return nearest;
}

FragmentTies::Match FragmentTies::session_of(const First& first, TimeNs later_ns) const {
  const Match in_time = sessions_.find(first.key, first.direction, later_ns);
  if (in_time.session != nullptr) return in_time;
  const Match of_first = sessions_.find(first.key, first.direction, first.time_ns);
  const bool near = of_first.session != nullptr && sessions_.is_near(*of_first.session, later_ns);
  return near ? of_first : Match{};
}

FragmentTies::Tie FragmentTies::find(const Frame& later, const PacketMeta& meta) const {
  const First* const first = nearest(read(later, meta).place());
  if (first == nullptr) return {};
  Tie tie{session_of(*first, later.time_ns), first->carries};
  for (const Datagram& carried : first->carried_fragments) {
    const First* const inner = nearest({carried, first->time_ns});
    if (inner != nullptr && session_of(*inner, first->time_ns).session != nullptr) tie.carries = true;
  }
  return tie;
}

}  // namespace tapline::query
