#include "storage/query/hold_keeper.hpp"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "capture/base/size.hpp"
#include "storage/query/filter.hpp"

namespace tapline::query {

using storage::Catalog;
using storage::CatalogFile;
using storage::format_segment_id;
using storage::Hold;
using storage::HoldState;

namespace {

constexpr std::size_t kNoticesMax = 256;  // that nobody has taken

/// Of the directory itself; changes with every name in it. -1 where it is not there.
std::int64_t changed_ns(const std::string& directory) {
  struct stat about {};
  if (::stat(directory.c_str(), &about) != 0) return -1;
  return about.st_mtim.tv_sec * kNsPerSecond + about.st_mtim.tv_nsec;
}

}  // namespace

HoldKeeper::HoldKeeper(const storage::Store& store, storage::HeldSegments& held,
                       const HoldKeeperConfig& config)
    : store_(store), held_(held), config_(config) {}

/// Nothing is asked any more; what is held stays held.
HoldKeeper::~HoldKeeper() {
  held_.set_judge({});
}

Result<std::unique_ptr<HoldKeeper>> HoldKeeper::open(const storage::Store& store, storage::HeldSegments& held,
                                                     const HoldKeeperConfig& config) {
  std::unique_ptr<HoldKeeper> keeper(new HoldKeeper(store, held, config));
  TAPLINE_TRY(keeper->load());
  held.set_judge([raw = keeper.get()](std::uint64_t id_high) { raw->judge_known(id_high); });
  keeper->end_expired();
  keeper->answer_papers();
  return keeper;
}

Status HoldKeeper::load() {
  std::vector<storage::UnreadableHold> unreadable;
  Result<std::vector<Hold>> holds = storage::list_holds(store_, unreadable);
  if (!holds) return holds.error();
  const Result<Catalog> catalog = Catalog::scan_packets(store_);
  if (!catalog) return catalog.error();
  const std::lock_guard lock(mutex_);
  for (const CatalogFile& file : catalog->segments) {
    if (!file.open) files_.emplace(file.name.id_high, file);
  }
  for (const Hold& hold : *holds) {
    if (hold.state == HoldState::kHeld) active_.push_back(load_hold(hold));
  }
  for (const storage::UnreadableHold& damaged : unreadable) {
    say(fmt::format("{}: what was held already stays held; nothing new is", damaged.error.context));
    Hold hold;
    hold.request.id = damaged.id;
    active_.push_back(load_hold(hold));
    active_.back()->damaged = true;
  }
  speak();
  return {};
}

std::unique_ptr<HoldInForce> HoldKeeper::load_hold(const Hold& hold) {
  auto active = std::make_unique<HoldInForce>();
  active->hold = hold;
  // Of a newer program, if it cannot be parsed: then all of the window is held.
  const Result<Filter> filter = Filter::parse(hold.request.filter, {});
  if (filter) active->query = filter->index_query();
  if (!filter) say(fmt::format("hold {}: {}", format_segment_id(hold.request.id), filter.error().context));
  // Without the list everything is judged again.
  const Result<std::vector<std::uint64_t>> segments = storage::load_held_segments(store_, hold.request.id);
  if (!segments) say(segments.error().context);
  for (const std::uint64_t id_high : segments ? *segments : std::vector<std::uint64_t>()) {
    const auto file = files_.find(id_high);
    if (file != files_.end()) active->judged[id_high] = {true, false, bytes_of_segment(file->second)};
  }
  return active;
}

void HoldKeeper::step() {
  end_expired();
  const TimeNs now_ns = config_.steady_clock();
  const std::int64_t papers_ns = changed_ns(store_.holds_directory());
  if (papers_ns != papers_changed_ns_ || now_ns - papers_looked_at_ns_ >= kLookAgainNs) {
    papers_changed_ns_ = papers_ns;
    papers_looked_at_ns_ = now_ns;
    answer_papers();
  }
  const std::int64_t segments_ns = changed_ns(store_.packets_directory());
  if (segments_ns != segments_changed_ns_ || now_ns - segments_looked_at_ns_ >= kLookAgainNs) {
    segments_changed_ns_ = segments_ns;
    segments_looked_at_ns_ = now_ns;
    look_at_segments();
  }
  save_changed();
}

/// The end is on the disk before it is in force.
Status HoldKeeper::end(std::size_t number, HoldState state, std::string why) {
  Hold hold;
  {
    const std::lock_guard lock(mutex_);
    active_[number]->count();
    hold = active_[number]->hold;
  }
  hold.state = state;
  hold.ended_at_ns = config_.clock();
  hold.why = std::move(why);
  TAPLINE_TRY(storage::save_ended_hold(store_, hold));
  any_ended_ = true;
  {
    const std::lock_guard lock(mutex_);
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(number));
    // There is room in the quota again for what others could not hold.
    for (const auto& one : active_)
      std::erase_if(one->judged, [](const auto& judged) { return judged.second.over_quota; });
    speak();
  }
  segments_changed_ns_ = -1;
  say(fmt::format("hold {} of {} has ended: {}", format_segment_id(hold.request.id), hold.request.owner,
                  hold.why));
  return {};
}

void HoldKeeper::end_expired() {
  const TimeNs now_ns = config_.clock();
  for (std::size_t i = active_.size(); i-- > 0;) {
    const TimeNs expires_at_ns = active_[i]->hold.request.expires_at_ns;
    if (expires_at_ns == storage::kHoldNeverExpires || now_ns < expires_at_ns) continue;
    const Status ended =
        end(i, HoldState::kExpired, fmt::format("expired {}", format_rfc3339(expires_at_ns)));
    if (!ended) say(ended.error().context);
  }
}

void HoldKeeper::look_at_segments() {
  {
    const std::lock_guard lock(mutex_);
    if (active_.empty()) return;
  }
  const Result<Catalog> catalog = Catalog::scan_packets(store_);
  if (!catalog) return say(catalog.error().context);
  std::vector<const CatalogFile*> finished;
  {
    const std::lock_guard lock(mutex_);
    files_.clear();
    for (const CatalogFile& file : catalog->segments) {
      if (file.open) continue;
      files_.emplace(file.name.id_high, file);
      finished.push_back(&file);
    }
    for (const auto& one : active_) {
      std::erase_if(one->judged, [&](const auto& judged) {
        if (files_.contains(judged.first)) return false;
        one->changed = one->changed || judged.second.covered;
        return true;
      });
    }
    speak();
  }
  std::ranges::sort(finished, {},
                    [](const CatalogFile* file) { return file->name.last_ns; });  // as the ring evicts
  for (const CatalogFile* file : finished) {
    if (stopping()) return;
    const std::lock_guard lock(mutex_);
    judge(*file);
  }
}

/// From the ring, on its thread: a segment that was published a moment ago.
void HoldKeeper::judge_known(std::uint64_t id_high) {
  const std::lock_guard lock(mutex_);
  auto file = files_.find(id_high);
  if (file == files_.end()) {
    const Result<Catalog> catalog = Catalog::scan_packets(store_);
    if (!catalog) return;  // stays held
    for (const CatalogFile& one : catalog->segments) {
      if (!one.open) files_.insert_or_assign(one.name.id_high, one);
    }
    file = files_.find(id_high);
  }
  if (file != files_.end()) judge(file->second);
}

/// By all holds that have not judged it; under the mutex.
void HoldKeeper::judge(const CatalogFile& file) {
  const std::uint64_t id_high = file.name.id_high;
  const bool was_held = is_held(id_high);
  bool held = was_held;
  for (const auto& one : active_) {
    if (one->judged.contains(id_high)) continue;
    HoldInForce::Judgement judgement{one->covers(file), false, bytes_of_segment(file)};
    if (judgement.covered && !held && config_.quota_bytes != 0 &&
        held_bytes_ + judgement.bytes > config_.quota_bytes) {
      judgement.covered = false;
      judgement.over_quota = true;
      note_over_quota(one->hold);
    }
    held = held || judgement.covered;
    one->changed = one->changed || judgement.covered || judgement.over_quota;
    one->judged.emplace(id_high, judgement);
  }
  if (held && !was_held) held_bytes_ += bytes_of_segment(file);
  held_.set(id_high, held);
}

void HoldKeeper::note_over_quota(Hold& hold) {
  if (hold.segments_over_quota++ > 0) return;
  say(fmt::format("hold {} of {}: the quota of {} is used up: newer segments are not held",
                  format_segment_id(hold.request.id), hold.request.owner, format_size(config_.quota_bytes)));
}

bool HoldKeeper::is_held(std::uint64_t id_high) const {
  return std::ranges::any_of(active_, [&](const auto& one) { return one->has_covered(id_high); });
}

/// Tells the ring everything anew; under the mutex. Returns what the ring evicts at this moment.
storage::HeldSegments::Ids HoldKeeper::speak() {
  storage::HeldSegments::Ids held;
  storage::HeldSegments::Ids free;
  held_bytes_ = 0;
  for (const auto& known : files_) {
    const std::uint64_t id_high = known.first;
    const bool judged_by_all = std::ranges::all_of(
        active_, [&](const auto& one) { return one->damaged || one->judged.contains(id_high); });
    if (is_held(id_high)) {
      held.insert(id_high);
      held_bytes_ += bytes_of_segment(known.second);
    } else if (judged_by_all) {
      free.insert(id_high);
    }
  }
  return held_.replace(!active_.empty(), std::move(held), std::move(free));
}

void HoldKeeper::save_changed() {
  for (const auto& one : active_) {
    Hold hold;
    std::vector<std::uint64_t> segments;
    {
      const std::lock_guard lock(mutex_);
      if (!one->changed || one->damaged) continue;
      one->count();
      hold = one->hold;
      segments = one->segments();
      one->changed = false;
    }
    if (const Status saved = storage::save_hold(store_, hold, segments); !saved) {
      say(saved.error().context);
      const std::lock_guard lock(mutex_);
      one->changed = true;
    }
  }
}

/// Owners and reasons are what somebody has typed: no line of the log is made of them.
void HoldKeeper::say(std::string notice) {
  std::ranges::replace_if(
      notice, [](char letter) { return static_cast<unsigned char>(letter) < ' '; }, '?');
  const std::lock_guard lock(notices_mutex_);
  if (notices_.size() < kNoticesMax) notices_.push_back(std::move(notice));
}

std::vector<std::string> HoldKeeper::take_notices() {
  const std::lock_guard lock(notices_mutex_);
  return std::exchange(notices_, {});
}

}  // namespace tapline::query
