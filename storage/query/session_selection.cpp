#include "storage/query/session_selection.hpp"

#include <algorithm>

namespace tapline::query {
namespace {

/// Link and tunnel aside: a question by session finds its frames on whatever interface they were stored.
bool same_conversation(const FlowKey& a, const FlowKey& b) {
  return a.address_a == b.address_a && a.address_b == b.address_b && a.port_a == b.port_a &&
         a.port_b == b.port_b && a.ip_proto == b.ip_proto && a.flags == b.flags;
}

}  // namespace

TimeWindow SessionSelection::frames_of(const SessionRecord& session) const {
  const TimeWindow frames = session.frames();
  return {saturating_add(frames.since_ns, -pad_ns_), saturating_add(frames.until_ns, pad_ns_)};
}

void SessionSelection::add(const SessionRecord& record) {
  std::vector<SessionRecord>& sessions = by_fingerprint_[flow_fingerprint(record.key)];
  const auto place = std::ranges::upper_bound(sessions, record.first_ns, {}, &SessionRecord::first_ns);
  sessions.insert(place, record);
  ++count_;
  const TimeWindow frames = frames_of(record);
  window_.since_ns = std::min(window_.since_ns, frames.since_ns);
  window_.until_ns = std::max(window_.until_ns, frames.until_ns);
}

SessionSelection::Match SessionSelection::find(const Frame& frame, const PacketMeta& meta) const {
  if (meta.status != DecodeStatus::kIp) return {};
  FlowKey key;
  const Direction direction = make_flow_key(frame, meta, 0, key);
  const auto found = by_fingerprint_.find(flow_fingerprint(key));
  if (found == by_fingerprint_.end()) return {};
  for (const SessionRecord& session : found->second) {
    if (same_conversation(session.key, key) && frames_of(session).contains(frame.time_ns)) {
      return {&session, direction == session.originator};
    }
  }
  return {};
}

IndexQuery SessionSelection::index_query() const {
  std::vector<std::uint64_t> values;
  values.reserve(by_fingerprint_.size());
  for (const auto& [fingerprint, sessions] : by_fingerprint_) {
    values.push_back(storage::flow_key_value(fingerprint));
  }
  std::ranges::sort(values);  // an index reads each of its chunks once
  std::vector<IndexQuery> flows;
  flows.reserve(values.size());
  for (const std::uint64_t value : values) {
    flows.push_back(IndexQuery::key({storage::IndexKeyKind::kFlow, value}));
  }
  return flows.empty() ? IndexQuery::none() : IndexQuery::disjunction(std::move(flows));
}

}  // namespace tapline::query
