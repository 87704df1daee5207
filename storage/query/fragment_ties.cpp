#include "storage/query/fragment_ties.hpp"

#include <algorithm>
#include <tuple>

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
  std::ranges::sort(firsts_, {},
                    [](const First& first) { return std::tuple(first.datagram, first.time_ns); });
}

SessionSelection::Match FragmentTies::find(const Frame& later, const PacketMeta& meta) const {
  const Datagram datagram = datagram_of(later, meta);
  const auto same = std::ranges::equal_range(firsts_, datagram, {}, &First::datagram);
  const auto distance = [&](const First& first) {
    return std::max(saturating_add(first.time_ns, -later.time_ns),
                    saturating_add(later.time_ns, -first.time_ns));
  };
  const auto nearest = std::ranges::min_element(same, {}, distance);
  if (nearest == same.end() || nearest->session == nullptr || distance(*nearest) > kTiedNs) return {};
  return {nearest->session, datagram.direction == nearest->session->originator};
}

}  // namespace tapline::query
