#include "storage/session_newest.hpp"

#include <algorithm>

#include "capture/base/bytes.hpp"

namespace tapline::storage {
namespace {

constexpr std::size_t kSlotsMin = 1024;

/// The last bytes of a uid are a hash already.
std::uint64_t hash_of(const Uid& uid) {
  return load_le<std::uint64_t>(uid.bytes.data() + 8);
}

}  // namespace

NewestSessions::NewestSessions(std::size_t sessions_max)
    : sessions_max_(std::min<std::size_t>(sessions_max, 0xfffffffe)), slots_(kSlotsMin) {}

std::size_t NewestSessions::slot_of(const Uid& uid) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_of(uid) & mask;
  while (slots_[slot] != 0 && records_[slots_[slot] - 1].uid != uid) slot = (slot + 1) & mask;
  return slot;
}

Status NewestSessions::add(const SessionRecord& record) {
  if (update(record)) return {};
  if (records_.size() == sessions_max_) {
    return Error{ErrorCode::kLimit, "more than " + std::to_string(sessions_max_) +
                                        " sessions in this answer; narrow the time window or the filter"};
  }
  if (2 * (records_.size() + 1) > slots_.size()) grow();
  records_.push_back(record);
  slots_[slot_of(record.uid)] = static_cast<std::uint32_t>(records_.size());
  if (!record.final()) ++open_sessions_;
  return {};
}

bool NewestSessions::update(const SessionRecord& record) {
  const std::size_t slot = slot_of(record.uid);
  if (slots_[slot] == 0) return false;
  SessionRecord& known = records_[slots_[slot] - 1];
  if (record.seq > known.seq) replace(known, record);
  return true;
}

void NewestSessions::replace(SessionRecord& known, const SessionRecord& record) {
  if (!known.final()) --open_sessions_;
  if (!record.final()) ++open_sessions_;
  known = record;
}

void NewestSessions::grow() {
  slots_.assign(2 * slots_.size(), 0);
  for (std::size_t i = 0; i < records_.size(); ++i) {
    slots_[slot_of(records_[i].uid)] = static_cast<std::uint32_t>(i + 1);
  }
}

std::size_t NewestSessions::memory_bytes() const {
  return records_.capacity() * sizeof(SessionRecord) + slots_.capacity() * sizeof(std::uint32_t);
}

}  // namespace tapline::storage
