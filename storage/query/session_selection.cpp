#include "storage/query/session_selection.hpp"

#include <algorithm>

namespace tapline::query {
namespace {

/// Link aside: a question by session finds its frames on whatever interface they were stored.
bool same_conversation(const FlowKey& a, const FlowKey& b) {
  return a.address_a == b.address_a && a.address_b == b.address_b && a.port_a == b.port_a &&
         a.port_b == b.port_b && a.tunnel_id == b.tunnel_id && a.ip_proto == b.ip_proto && a.flags == b.flags;
}

IndexQuery any_flow(std::vector<std::uint64_t> fingerprints) {
  std::ranges::transform(fingerprints, fingerprints.begin(), storage::flow_key_value);
  std::ranges::sort(fingerprints);  // an index reads each of its chunks once
  fingerprints.erase(std::unique(fingerprints.begin(), fingerprints.end()), fingerprints.end());
  std::vector<IndexQuery> flows;
  flows.reserve(fingerprints.size());
  for (const std::uint64_t value : fingerprints) {
    flows.push_back(IndexQuery::key({storage::IndexKeyKind::kFlow, value}));
  }
  return flows.empty() ? IndexQuery::none() : IndexQuery::disjunction(std::move(flows));
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
  in_tunnels_ = in_tunnels_ || record.key.tunnel_id != 0;
  const TimeWindow frames = frames_of(record);
  window_.since_ns = std::min(window_.since_ns, frames.since_ns);
  window_.until_ns = std::max(window_.until_ns, frames.until_ns);
}

std::span<const SessionRecord> SessionSelection::sessions_of(const FlowKey& key) const {
  const auto found = by_fingerprint_.find(flow_fingerprint(key));
  if (found == by_fingerprint_.end()) return {};
  return found->second;
}

SessionSelection::Match SessionSelection::find(const Frame& frame, const PacketMeta& meta) const {
  if (meta.status != DecodeStatus::kIp) return {};
  FlowKey key;
  const Direction direction = make_flow_key(frame, meta, 0, key);
  return find(key, direction, frame.time_ns);
}

SessionSelection::Match SessionSelection::find(const FlowKey& key, Direction direction,
                                               TimeNs time_ns) const {
  for (const SessionRecord& session : sessions_of(key)) {
    if (same_conversation(session.key, key) && frames_of(session).contains(time_ns))
      return {&session, direction == session.originator};
  }
  return {};
}

bool SessionSelection::is_near(const SessionRecord& session, TimeNs time_ns) const {
  const TimeWindow frames = frames_of(session);
  return TimeWindow{saturating_add(frames.since_ns, -kStrayNs), saturating_add(frames.until_ns, kStrayNs)}
      .contains(time_ns);
}

SessionSelection::Match SessionSelection::find_quoted(const QuotedPacket& quoted, TimeNs time_ns) const {
  FlowKey key;
  const Direction direction = make_flow_key(quoted.frame, quoted.meta, 0, key);
  Match match;
  for (const SessionRecord& session : sessions_of(key)) {
    TimeWindow errors = frames_of(session);
    errors.until_ns = saturating_add(errors.until_ns, quoted.meta.has(kMetaFragment) ? kTiedNs : kStrayNs);
    if (same_conversation(session.key, key) && errors.contains(time_ns))
      match = {&session, direction != session.originator};
  }
  return match;
}

IndexQuery SessionSelection::index_query() const {
  std::vector<std::uint64_t> fingerprints;
  for (const auto& [fingerprint, sessions] : by_fingerprint_) fingerprints.push_back(fingerprint);
  return any_flow(std::move(fingerprints));
}

IndexQuery SessionSelection::fragment_query() const {
  return any_flow(fragment_fingerprints());
}

std::vector<std::uint64_t> SessionSelection::fragment_fingerprints() const {
  std::vector<std::uint64_t> fingerprints(carriers_.begin(), carriers_.end());
  for (const auto& [fingerprint, sessions] : by_fingerprint_)
    fingerprints.push_back(flow_fingerprint(fragment_key(sessions.front().key)));
  return fingerprints;
}

bool SessionSelection::has_fragments_of(const FlowKey& key) const {
  const FlowKey wanted = fragment_key(key);
  for (const auto& [fingerprint, sessions] : by_fingerprint_) {
    if (fragment_key(sessions.front().key) == wanted) return true;
  }
  return false;
}

}  // namespace tapline::query
