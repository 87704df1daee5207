#include "storage/query/fragment_ties.hpp"

#include <algorithm>
#include <iterator>

namespace tapline::query {

FragmentTies::Datagram FragmentTies::datagram_of(const Frame& fragment, const PacketMeta& meta) {
  FlowKey key;
  const Direction direction = make_flow_key(fragment, meta, 0, key);
  // Of one address to itself ports alone tell the direction, which a later fragment does not have.
  const bool to_itself = key.address_a == key.address_b;
  return {flow_fingerprint(fragment_key(key)), meta.ip_id, to_itself ? Direction::kAToB : direction};
}

bool FragmentTies::add(const Frame& first, const PacketMeta& meta, const SessionSelection& sessions) {
  if (firsts_.size() == kFirstsMax) return false;
  const SessionRecord* const session = sessions.find(first, meta).session;
  firsts_.push_back({datagram_of(first, meta), first.time_ns, session});
  has_session_ = has_session_ || session != nullptr;
  return true;
}

void FragmentTies::sort() {
  std::ranges::sort(firsts_, {}, &First::place);
}

SessionSelection::Match FragmentTies::find(const Frame& later, const PacketMeta& meta) const {
  const Datagram datagram = datagram_of(later, meta);
  const First* nearest = nullptr;
  TimeNs nearest_ns = kTiedNs;
  const auto consider = [&](const First& first) {
    const TimeNs distance_ns = std::max(saturating_add(first.time_ns, -later.time_ns),
                                        saturating_add(later.time_ns, -first.time_ns));
    if (first.datagram != datagram || distance_ns > nearest_ns) return;
    nearest = &first;
    nearest_ns = distance_ns;
  };
  const auto after = std::ranges::lower_bound(firsts_, std::pair(datagram, later.time_ns), {}, &First::place);
  if (after != firsts_.end()) consider(*after);
  if (after != firsts_.begin()) consider(*std::prev(after));
  if (nearest == nullptr || nearest->session == nullptr) return {};
  return {nearest->session, datagram.direction == nearest->session->originator};
}

}  // namespace tapline::query
