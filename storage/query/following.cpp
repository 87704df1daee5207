#include "storage/query/following.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "storage/query/live_run.hpp"

namespace tapline::query {
namespace {

/// What the store says at one moment.
struct Look {
  std::vector<storage::Source> sources;
  storage::Catalog catalog;
  StoreMoment moment;
  std::optional<TimeNs> complete_until_ns;  // of the runs that record; none: nobody records

  static Result<Look> at(const storage::Store& store) {
    Look look;
    const Result<StoreMoment> moment = StoreMoment::observe(store);
    if (!moment) return moment.error();
    look.moment = *moment;
    Result<std::vector<storage::Source>> sources = storage::list_sources(store);
    if (!sources) return sources.error();
    look.sources = std::move(*sources);
    Result<storage::Catalog> catalog = storage::Catalog::scan(store);
    if (!catalog) return catalog.error();
    look.catalog = std::move(*catalog);
    for (const LiveRun& run :
         find_live_runs(look.sources, look.catalog, look.moment, QuestionKind::kPackets)) {
      if (run.state != LiveRun::State::kRecording) continue;
      look.complete_until_ns =
          std::min(look.complete_until_ns.value_or(run.complete_until_ns), run.complete_until_ns);
    }
    return look;
  }
};

/// A hole grows from look to look while frames are dropped: the newer one tells all that the older one did.
bool replaces(const Hole& newer, const Hole& older) {
  const auto who = [](const Hole& hole) { return hole.detail.substr(0, hole.detail.find(':')); };
  return newer.reason == older.reason && newer.first_ns <= older.first_ns && older.last_ns <= newer.last_ns &&
         who(newer) == who(older);
}

/// Each second is counted in the slice in which it ends: before that it has no row.
TimeWindow counted_seconds(TimeWindow slice) {
  const auto begin_of_second = [](TimeNs time_ns) { return time_ns - TimeNs{second_rest_ns(time_ns)}; };
  if (slice.since_ns != TimeWindow::kUnlimitedSince) slice.since_ns = begin_of_second(slice.since_ns);
  if (slice.until_ns != TimeWindow::kUnlimitedUntil) slice.until_ns = begin_of_second(slice.until_ns);
  return slice;
}

void add_coverage(const Coverage& slice, Coverage& sum) {
  sum.window.until_ns = std::max(sum.window.until_ns, slice.window.until_ns);
  for (const Hole& hole : slice.holes) {
    std::erase_if(sum.holes, [&](const Hole& older) { return replaces(hole, older); });
    sum.holes.push_back(hole);
  }
  for (const Qualification& qualification : slice.qualifications) {
    const auto same = std::ranges::find_if(sum.qualifications, [&](const Qualification& other) {
      return other.kind == qualification.kind && other.detail == qualification.detail;
    });
    if (same == sum.qualifications.end()) {
      sum.qualifications.push_back(qualification);
    } else if (qualification.adds_up) {
      same->count += qualification.count;
    } else {  // of the segments that were opened, by some slices again
      same->count = std::max(same->count, qualification.count);
    }
  }
}

/// Nothing is said of what follows.
void end_window(TimeNs until_ns, Coverage& coverage) {
  TimeWindow& window = coverage.window;
  window.until_ns = std::max(window.since_ns, std::min(window.until_ns, until_ns));
  std::erase_if(coverage.holes, [&](const Hole& hole) { return hole.first_ns >= window.until_ns; });
}

}  // namespace

struct Following::State {
  storage::Store store;
  PacketQuestion question;
  ReadLimits limits;
  SliceProgress progress;
  std::optional<Extraction> slice;
  bool slice_given = false;  // to its end
  bool last_slice = false;
  bool begun = false;
  Coverage given;  // of the slices before
  std::vector<Hole> new_holes;
  std::vector<std::string> warnings;
  std::set<std::string> warned;  // slices say the same of a segment again and again
  std::uint64_t blocks_read = 0;
  std::uint64_t late_frames = 0;

  State(const storage::Store& in_store, PacketQuestion asked, const ReadLimits& may)
      : store(in_store), question(std::move(asked)), limits(may) {}

  Status look();
  Coverage cover(const Look& look) const;
  void finish_slice();
  TimeNs given_until_ns() const;
};

/// Of the slice that was begun.
Coverage Following::State::cover(const Look& look) const {
  TimeWindow window = question.window;
  if (begun) window.since_ns = std::max(window.since_ns, progress.slice().since_ns);
  // Who asks for everything is not told of the gaps between what was recorded before: without an end, then.
  const bool everything = !begun && !question.window.limited();
  if (!last_slice && !everything) window.until_ns = std::min(window.until_ns, progress.slice().until_ns);
  Coverage coverage = make_coverage(look.sources, look.catalog, window, QuestionKind::kPackets, look.moment,
                                    counted_seconds(window));
  if (everything && !last_slice) {
    const TimeNs until_ns = coverage.window.until_ns = progress.slice().until_ns;
    std::erase_if(coverage.holes, [until_ns](const Hole& hole) { return hole.first_ns >= until_ns; });
  }
  return coverage;
}

Status Following::State::look() {
  const Result<Look> look = Look::at(store);
  if (!look) return look.error();
  const TimeNs complete_until_ns = look->complete_until_ns.value_or(TimeWindow::kUnlimitedUntil);
  if (begun && complete_until_ns <= progress.slice().until_ns) return {};
  // Beyond the end of the window there may be frames of it yet, where the clock was set back.
  last_slice = complete_until_ns >= question.window.until_ns;
  progress.begin_slice(last_slice ? TimeWindow::kUnlimitedUntil : complete_until_ns);
  Coverage coverage = cover(*look);
  if (!begun) given.window = coverage.window;
  Result<Extraction> prepared =
      Extraction::prepare_slice(store, question, std::move(coverage), limits, progress);
  if (!prepared) return prepared.error();
  begun = true;
  slice.emplace(std::move(*prepared));
  slice_given = false;
  // A session that has ended is given wholly.
  last_slice = last_slice || (question.flow && slice->until_ns() <= complete_until_ns);
  for (const std::string& warning : slice->warnings()) {
    if (warned.insert(warning).second) warnings.push_back(warning);
  }
  return {};
}

TimeNs Following::State::given_until_ns() const {
  const TimeWindow& order = progress.slice();
  if (slice_given) return order.until_ns;
  return std::clamp(slice->given_until_ns(), order.since_ns, order.until_ns);  // late blocks are earlier
}

void Following::State::finish_slice() {
  if (slice_given) return;
  slice_given = true;
  for (const FrameMerge::LaterBlock& block : slice->later_blocks())
    progress.note_later(block.segment, block.number, block.unread);
  blocks_read += slice->blocks_read();
  const Coverage coverage = slice->coverage();
  for (const Hole& hole : coverage.holes) {
    if (std::ranges::find(given.holes, hole) == given.holes.end()) new_holes.push_back(hole);
  }
  add_coverage(coverage, given);
}

Result<Following> Following::start(const storage::Store& store, const PacketQuestion& question,
                                   const ReadLimits& limits) {
  PacketQuestion asked = question;
  if (const std::optional<Uid> uid = asked.filter.single_uid(); uid && !asked.flow) asked.flow = uid;
  if (asked.filter.has_session_terms() && !asked.filter.single_uid()) {
    return Error{ErrorCode::kInvalid,
                 "session fields change while a session goes on, so that they cannot be followed: use words "
                 "about packets (host, port, a five-tuple) or the uid of one session"};
  }
  auto state = std::make_unique<State>(store, std::move(asked), limits);
  TAPLINE_TRY(state->look());
  return Following(std::move(state));
}

Following::Following(std::unique_ptr<State> state) : state_(std::move(state)) {}
Following::Following(Following&&) noexcept = default;
Following& Following::operator=(Following&&) noexcept = default;
Following::~Following() = default;

const Frame* Following::next() {
  if (state_->slice_given) return nullptr;
  const Frame* const frame = state_->slice->next();
  if (frame == nullptr) {
    if (state_->slice->at_end()) state_->finish_slice();
  } else if (frame->order.time_ns < state_->progress.slice().since_ns) {
    ++state_->late_frames;
  }
  return frame;
}

std::span<const FrameRun> Following::next_runs() {
  if (state_->slice_given) return {};
  const std::span<const FrameRun> runs = state_->slice->next_runs();
  if (runs.empty() && state_->slice->at_end()) state_->finish_slice();
  const TimeNs since_ns = state_->progress.slice().since_ns;
  for (const FrameRun& run : runs) {  // of a block order keys ascend
    const auto in_time = std::ranges::lower_bound(run.frames, since_ns, {},
                                                  [](const Frame& frame) { return frame.order.time_ns; });
    state_->late_frames += static_cast<std::uint64_t>(in_time - run.frames.begin());
  }
  return runs;
}

Status Following::look_again() {
  if (!state_->slice_given || state_->last_slice) return {};
  return state_->look();
}

bool Following::ended() const {
  return state_->last_slice && state_->slice_given;
}

TimeNs Following::given_until_ns() const {
  return state_->given_until_ns();
}

std::vector<Hole> Following::take_new_holes() {
  return std::exchange(state_->new_holes, {});
}

std::vector<std::string> Following::take_warnings() {
  return std::exchange(state_->warnings, {});
}

Coverage Following::coverage() const {
  Coverage coverage = state_->given;
  if (!state_->slice_given) {
    add_coverage(state_->slice->coverage(), coverage);
    end_window(state_->given_until_ns(), coverage);
  }
  merge_holes(coverage.holes);
  return coverage;
}

std::uint64_t Following::blocks_read() const {
  return state_->blocks_read + (state_->slice_given ? 0 : state_->slice->blocks_read());
}

std::uint64_t Following::late_frames() const {
  return state_->late_frames;
}

}  // namespace tapline::query
