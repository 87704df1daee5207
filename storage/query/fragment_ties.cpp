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

bool FragmentTies::add(const Frame& first, const PacketMeta& meta) {
  First read = FragmentTies::read(first, meta);
  if (!wanted_.contains(read.datagram.fragments)) return true;
  if (meta.has(kMetaTunnel)) {
    any_inner_packet(first, meta, [&](const Frame& inner, const PacketMeta& inner_meta) {
      read.carried = sessions_.find(inner, inner_meta);
      return read.carried.session != nullptr;
    });
  }
  if (firsts_.size() == kFirstsMax) return false;
  firsts_.push_back(read);
  return true;
}

void FragmentTies::sort() {
  std::ranges::sort(firsts_, {}, &First::place);
}

FragmentTies::Tie FragmentTies::find(const Frame& later, const PacketMeta& meta) const {
  const std::pair place = read(later, meta).place();
  const First* nearest = nullptr;
  TimeNs nearest_ns = kTiedNs;
  const auto consider = [&](const First& first) {
    const TimeNs distance_ns = std::max(saturating_difference(first.time_ns, later.time_ns),
                                        saturating_difference(later.time_ns, first.time_ns));
    if (first.datagram != place.first || distance_ns > nearest_ns) return;
    nearest = &first;
    nearest_ns = distance_ns;
  };
  const auto after = std::ranges::lower_bound(firsts_, place, {}, &First::place);
  if (after != firsts_.end()) consider(*after);
  if (after != firsts_.begin()) consider(*std::prev(after));
  if (nearest == nullptr) return {};
  const SessionSelection::Match in_time = sessions_.find(nearest->key, nearest->direction, later.time_ns);
  if (in_time.session != nullptr) return {in_time};
  const SessionSelection::Match of_first = sessions_.find(nearest->key, nearest->direction, nearest->time_ns);
  if (of_first.session != nullptr && sessions_.is_near(*of_first.session, later.time_ns)) return {of_first};
  return {nearest->carried, true};
}

}  // namespace tapline::query
