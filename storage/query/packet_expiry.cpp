#include "storage/query/packet_expiry.hpp"

#include <algorithm>
#include <limits>

#include "storage/container_reader.hpp"
#include "storage/file_names.hpp"

namespace tapline::query {
namespace {

using storage::CatalogFile;

constexpr TimeNs kFirst = std::numeric_limits<TimeNs>::min();
constexpr TimeNs kLast = std::numeric_limits<TimeNs>::max();

}  // namespace

const char* expired_packets_name(ExpiredPackets expired) {
  switch (expired) {
    case ExpiredPackets::kNone:
      return "none";
    case ExpiredPackets::kSome:
      return "some";
    case ExpiredPackets::kAll:
      return "all";
    case ExpiredPackets::kUnknown:
      break;
  }
  return "unknown";
}

void PacketExpiry::Times::unite() {
  std::ranges::sort(intervals_);
  std::size_t kept = 0;
  for (const auto& [first_ns, last_ns] : intervals_) {
    if (kept > 0 && first_ns <= intervals_[kept - 1].second) {
      intervals_[kept - 1].second = std::max(intervals_[kept - 1].second, last_ns);
    } else {
      intervals_[kept++] = {first_ns, last_ns};
    }
  }
  intervals_.resize(kept);
}

bool PacketExpiry::Times::touch(TimeNs first_ns, TimeNs last_ns) const {
  const auto at = std::ranges::lower_bound(intervals_, first_ns, {}, &std::pair<TimeNs, TimeNs>::second);
  return at != intervals_.end() && at->first <= last_ns;
}

PacketExpiry::PacketExpiry(const storage::Catalog& catalog) {
  for (CatalogFile file : catalog.segments) {
    if (!file.open) {
      writers_[{file.name.port, file.name.worker}].stored.add(file.name.first_ns, file.name.last_ns);
      continue;
    }
    const Result<storage::ContainerReader> reader = storage::open_listed(file);
    if (reader) {
      const storage::SegmentHeader& header = reader->header();
      const TimeNs first_ns = std::min(header.start_ns, reader->footer().first_ns);
      writers_[{header.port, header.worker}].stored.add(first_ns, kLast);
    } else if (reader.error().code != ErrorCode::kNotFound) {
      uncertain_.add(kFirst, kLast);
    }
  }
  for (const CatalogFile& file : catalog.expired) {
    const bool folded = !file.path.ends_with(storage::kExpiredSuffix);
    Times& times = folded ? folded_ : writers_[{file.name.port, file.name.worker}].expired;
    times.add(file.name.first_ns, file.name.last_ns);
  }
  for (const CatalogFile& file : catalog.damaged) uncertain_.add(file.name.first_ns, file.name.last_ns);
  for (const storage::StoreVolume& volume : catalog.missing_volumes)
    uncertain_.add(volume.added_at_ns, volume.out_since_ns > 0 ? volume.out_since_ns : kLast);
  for (auto& [writer, times] : writers_) {
    times.stored.unite();
    times.expired.unite();
  }
  folded_.unite();
  uncertain_.unite();
}

ExpiredPackets PacketExpiry::of(const SessionRecord& session) const {
  const TimeNs first_ns = session.first_ns;
  const TimeNs last_ns = session.last_ns;
  const auto writer = writers_.find({session.key.link, session.worker});
  const auto has_expired = [&](TimeNs from_ns, TimeNs to_ns) {
    return folded_.touch(from_ns, to_ns) ||
           (writer != writers_.end() && writer->second.expired.touch(from_ns, to_ns));
  };
  const auto has_stored = [&](TimeNs from_ns, TimeNs to_ns) {
    return writer != writers_.end() && writer->second.stored.touch(from_ns, to_ns);
  };
  const std::uint64_t packets = session.a_to_b.total.packets + session.b_to_a.total.packets;
  if (session.unstored_packets >= packets) return ExpiredPackets::kNone;  // there were none to expire
  if (uncertain_.touch(first_ns, last_ns)) return ExpiredPackets::kUnknown;
  if (!has_expired(first_ns, last_ns)) return ExpiredPackets::kNone;
  if (!has_stored(first_ns, last_ns)) return ExpiredPackets::kAll;
  if (session.unstored_packets > 0) return ExpiredPackets::kUnknown;  // maybe just those looked at next
  bool any_gone = false;
  bool any_there = false;
  for (const DirectionState* direction : {&session.a_to_b, &session.b_to_a}) {
    if (direction->total.packets == 0) continue;
    for (const TimeNs time_ns : {direction->first_ns, direction->last_ns}) {
      const bool expired = has_expired(time_ns, time_ns);
      const bool stored = has_stored(time_ns, time_ns);
      any_gone = any_gone || (expired && !stored);
      any_there = any_there || (stored && !expired);
    }
  }
  return any_gone && any_there ? ExpiredPackets::kSome : ExpiredPackets::kUnknown;
}

}  // namespace tapline::query
