// HoldKeeper: what readers ask for, and what it answers.

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "capture/base/size.hpp"
#include "storage/query/filter.hpp"
#include "storage/query/hold_keeper.hpp"

namespace tapline::query {

using storage::Catalog;
using storage::CatalogFile;
using storage::format_segment_id;
using storage::Hold;
using storage::HoldRequest;
using storage::HoldState;

void HoldKeeper::answer_papers() {
  const Result<storage::HoldPapers> papers = storage::list_papers(store_);
  if (!papers) return say(papers.error().context);
  for (const storage::SegmentId& id : papers->requests) {
    const Result<HoldRequest> request = storage::load_request(store_, id);
    if (!request && request.error().code == ErrorCode::kNotFound) continue;
    if (const Result<Hold> known = storage::load_hold(store_, id);
        known || known.error().code != ErrorCode::kNotFound) {
      storage::remove_request(store_, id);  // answered, but for this
    } else if (request) {
      answer(*request);
    } else {
      HoldRequest damaged;
      damaged.id = id;
      refuse(damaged, "not a request: " + request.error().context);
    }
  }
  for (const storage::SegmentId& id : papers->releases) release(id);
  if (std::exchange(any_ended_, false)) forget_old();
}

void HoldKeeper::answer(const HoldRequest& request) {
  const Result<Filter> filter = Filter::parse(request.filter, {});
  if (!filter) return refuse(request, filter.error().context.substr(0, filter.error().context.find('\n')));
  if (filter->has_session_terms() || filter->single_uid())
    return refuse(request, "its filter has session words: a hold takes those of packets");
  if (request.expires_at_ns <= config_.clock()) return refuse(request, "it has expired already");
  if (active_.size() >= kHoldsMax)
    return refuse(request, fmt::format("there are {} holds already", kHoldsMax));
  const Result<Catalog> catalog = Catalog::scan_packets(store_);
  if (!catalog) return say(catalog.error().context);
  auto active = std::make_unique<HoldInForce>();
  active->hold.request = request;
  active->query = filter->index_query();
  for (const CatalogFile& file : catalog->segments) {
    if (stopping()) return;
    if (!file.open) active->judged[file.name.id_high] = {active->covers(file), false, bytes_of_segment(file)};
  }
  if (const std::string why = exceeds_quota(*active); !why.empty()) return refuse(request, why);
  if (const Status held_status = put_into_force(std::move(active), *catalog); !held_status)
    say(fmt::format("hold {} is not in force yet: {}", format_segment_id(request.id),
                    held_status.error().context));
}

/// Why it does; empty: it does not.
std::string HoldKeeper::exceeds_quota(const HoldInForce& wanted) {
  const std::lock_guard lock(mutex_);
  std::uint64_t more_bytes = 0;
  for (const auto& [id_high, judgement] : wanted.judged) {
    if (judgement.covered && !is_held(id_high)) more_bytes += judgement.bytes;
  }
  if (config_.quota_bytes == 0 || held_bytes_ + more_bytes <= config_.quota_bytes) return {};
  return fmt::format(
      "it would hold {} more, and of the quota of {} are {} held already: narrow its window or filter, "
      "release "
      "another hold, or raise --hold-quota",
      format_size(more_bytes), format_size(config_.quota_bytes), format_size(held_bytes_));
}

/// The answer of a hold that has just been put into force, but for what has gone by now or is going.
Status HoldKeeper::drop_gone(HoldInForce& added, const Catalog& after,
                             const storage::HeldSegments::Ids& going) {
  std::set<std::uint64_t> there;
  for (const CatalogFile& file : after.segments) there.insert(file.name.id_high);
  added.hold.holes = find_holes(added.hold.request.window, after);
  added.hold.answered_at_ns = config_.clock();
  Hold hold;
  std::vector<std::uint64_t> segments;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(added.judged,
                  [&](const auto& one) { return !there.contains(one.first) || going.contains(one.first); });
    added.count();
    hold = added.hold;
    segments = added.segments();
  }
  return storage::save_hold(store_, hold, segments);  // not under the mutex, for which the ring may wait
}

/// In force first; then what has gone meanwhile is found out; then the answer.
Status HoldKeeper::put_into_force(std::unique_ptr<HoldInForce> active, const Catalog& before) {
  HoldInForce& added = *active;
  storage::HeldSegments::Ids going;
  {
    const std::lock_guard lock(mutex_);
    for (const CatalogFile& file : before.segments) {
      if (!file.open) files_.insert_or_assign(file.name.id_high, file);
    }
    active_.push_back(std::move(active));
    going = speak();
  }
  const Result<Catalog> after = Catalog::scan_packets(store_);
  Status status = after ? drop_gone(added, *after, going) : after.error();
  if (!status) {
    const std::lock_guard lock(mutex_);
    active_.pop_back();
    speak();
    return status;
  }
  storage::remove_request(store_, added.hold.request.id);
  say(fmt::format("hold {} of {} ({}) is in force: {} segments, {}", format_segment_id(added.hold.request.id),
                  added.hold.request.owner, added.hold.request.reason, added.hold.segments,
                  format_size(added.hold.bytes)));
  return {};
}

void HoldKeeper::refuse(const HoldRequest& request, std::string why) {
  Hold hold;
  hold.request = request;
  hold.state = HoldState::kRefused;
  hold.answered_at_ns = hold.ended_at_ns = config_.clock();
  hold.why = std::move(why);
  say(fmt::format("hold {} of {} was refused: {}", format_segment_id(request.id), request.owner, hold.why));
  if (const Status saved = storage::save_ended_hold(store_, hold); !saved) return say(saved.error().context);
  any_ended_ = true;
  storage::remove_request(store_, request.id);
}

void HoldKeeper::release(const storage::SegmentId& id) {
  const Result<std::string> why = storage::load_release(store_, id);
  if (!why && why.error().code == ErrorCode::kNotFound) return;
  const auto at = std::ranges::find(active_, id, [](const auto& one) { return one->hold.request.id; });
  if (why && at != active_.end()) {
    if (const Status ended = end(static_cast<std::size_t>(at - active_.begin()), HoldState::kReleased, *why);
        !ended)
      return say(ended.error().context);
  }
  storage::remove_release(store_, id);  // also one that is damaged, or of a hold that there is not
}

void HoldKeeper::forget_old() {
  std::vector<storage::UnreadableHold> unreadable;
  Result<std::vector<Hold>> holds = storage::list_holds(store_, unreadable);
  if (!holds) return say(holds.error().context);
  std::erase_if(*holds, [](const Hold& hold) { return hold.state == HoldState::kHeld; });
  if (holds->size() <= kEndedHoldsMax) return;
  std::ranges::sort(*holds, {}, &Hold::ended_at_ns);
  for (std::size_t i = 0; i + kEndedHoldsMax < holds->size(); ++i)
    storage::remove_hold(store_, (*holds)[i].request.id);
}

}  // namespace tapline::query
