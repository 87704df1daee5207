#include "tests/sensor/kept_store.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "storage/file_names.hpp"
#include "storage/hold_folder.hpp"
#include "storage/scrub_state.hpp"

namespace tapline::test {
namespace {

using namespace tapline::storage;

constexpr TimeNs kTickNs = 10 * kNsPerMillisecond;
// Above the number at which a ring that begins folds them (ring_directory.cpp).
constexpr std::uint64_t kMarkers = 130;
constexpr TimeNs kMarkersFirst = kRigStart - 3600 * kNsPerSecond;

/// Runs so fast that the keeper never relies on a directory's time of change, which is coarse.
TimeNs fast_clock() {
  return (LiveRig::now_ns() - kRigStart) * 1000;
}

TimeNs at_tick(int tick) {
  return kRigStart + tick * kTickNs;
}

/// States of a hold follow each other.
int rank(HoldState state) {
  return state == HoldState::kHeld ? 1 : 2;
}

std::set<std::uint64_t> finished_segments(const Store& store) {
  std::set<std::uint64_t> ids;
  for (const CatalogFile& file : scan(store).segments) {
    if (!file.open) ids.insert(file.name.id_high);
  }
  return ids;
}

bool is_marked(const Catalog& catalog, TimeNs time_ns) {
  return std::ranges::any_of(catalog.expired, [&](const CatalogFile& file) {
    return file.name.first_ns <= time_ns && time_ns <= file.name.last_ns;
  });
}

query::HoldKeeperConfig keeper_config() {
  return {KeptStore::kQuotaBytes, LiveRig::now_ns, fast_clock};
}

ScrubConfig scrub_config() {
  ScrubConfig config;
  config.bytes_per_second = 0;
  config.save_period_ns = 0;
  config.clock = config.steady_clock = LiveRig::now_ns;
  return config;
}

}  // namespace

void KeptStore::leave_markers(const Store& store) {
  for (std::uint64_t i = 0; i < kMarkers; ++i) {
    const TimeNs time_ns = kMarkersFirst + static_cast<TimeNs>(i) * kNsPerSecond;
    const std::string name = final_name({time_ns, time_ns + kNsPerSecond / 2, 0, 0, i}, kExpiredSuffix);
    static_cast<void>(must(store.disk().create(store.packets_directory() + "/" + name)));
  }
  must(store.disk().sync_directory(store.packets_directory()));
}

KeptStore::KeptStore(LiveRig& rig)
    : rig_(rig), store_keeper_(*rig.store, rig.ring), scrubber_(*rig.store, scrub_config()) {
  open_keeper();
  note_durable();
}

void KeptStore::open_keeper() {
  keeper_.reset();
  rig_.held.replace(false, {}, {});
  keeper_ = must(query::HoldKeeper::open(*rig_.store, rig_.held, keeper_config()));
}

HoldRequest KeptStore::make_request(std::uint8_t number, const std::string& filter,
                                    const TimeWindow& window) {
  HoldRequest request;
  request.id.fill(number);
  request.filter = filter;
  request.window = window;
  request.reason = "power cut";
  request.owner = "test";
  request.requested_at_ns = LiveRig::now_ns();
  return request;
}

void KeptStore::ask(const HoldRequest& request) {
  asked_.insert(request.id);
  must(ask_hold(*rig_.store, request));
}

/// One of everything that can be asked for, at times when segments are published and dropped.
void KeptStore::ask_and_release(int tick) {
  const Store& store = *rig_.store;
  const auto release = [&](std::uint8_t number) {
    SegmentId id;
    id.fill(number);
    must(ask_release(store, id, "test", "enough"));
  };
  if (tick == 10) ask(make_request(1, "", {at_tick(5), at_tick(20)}));  // partly to come
  if (tick == 50) {
    HoldRequest expiring = make_request(2, "port 1030", {});
    expiring.window.until_ns = at_tick(62);
    expiring.expires_at_ns = at_tick(150);
    ask(expiring);
  }
  if (tick == 120) ask(make_request(3, "", {}));  // over the quota
  if (tick == 180) release(1);
  if (tick == 190) ask(make_request(4, "", {at_tick(170), at_tick(172)}));
  if (tick == 200) open_keeper();
  if (tick == 220) {  // both at once
    ask(make_request(5, "", {at_tick(210), at_tick(212)}));
    release(5);
  }
  if (tick == 300) ask(make_request(6, "port 1110 or port 1111", {at_tick(285), at_tick(290)}));
  if (tick == 320) ask(make_request(7, "host", {}));  // no filter
}

/// The other volume fails for half a second, while segments are written to it.
void KeptStore::fail_and_heal(int tick) {
  if (tick == 255) rig_.store.disk().fail(rig_.volume(kVolume), ErrorCode::kIo);
  if (tick == 255) volume_fails_ = true;
  if (tick == 305) rig_.store.disk().heal();
  if (tick % 50 == 49) store_keeper_.step();
  if (tick > 305 && volume_fails_) volume_fails_ = !rig_.ring.find_leftovers().empty();
}

void KeptStore::step(int tick) {
  fail_and_heal(tick);
  ask_and_release(tick);
  if (tick % 4 == 0) {
    keeper_->step();
    note_durable();
  }
  if (tick % 20 == 0 && !volume_fails_) {
    scrubber_.step();
    note_durable();
  }
  for (const std::string& notice : scrubber_.take_notices()) FAIL(notice);
}

void KeptStore::note_durable() {
  Durable durable{operations(), LiveRig::now_ns(), read_answers(*rig_.store), {}};
  const Result<ScrubState> scrub = load_scrub_state(*rig_.store);
  if (scrub) durable.scrub_position = scrub->position;
  durable_.push_back(std::move(durable));
}

KeptStore::Answers KeptStore::read_answers(const Store& store) {
  std::vector<UnreadableHold> unreadable;
  Answers answers;
  for (const Hold& hold : must(list_holds(store, unreadable))) {
    Answer& answer = answers[hold.request.id];
    answer.state = hold.state;
    if (hold.state != HoldState::kHeld) continue;
    const std::vector<std::uint64_t> segments = must(load_held_segments(store, hold.request.id));
    answer.segments = {segments.begin(), segments.end()};
  }
  REQUIRE(unreadable.empty());
  return answers;
}

std::size_t KeptStore::count(HoldState state) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      durable_.back().answers, [&](const auto& one) { return one.second.state == state; }));
}

void KeptStore::check_cut(const Store& store, std::size_t operation_count) const {
  const auto next = std::ranges::find_if(
      durable_, [&](const Durable& durable) { return durable.operations > operation_count; });
  const Durable& before = *std::prev(next);
  const Durable& after = next == durable_.end() ? before : *next;
  LiveRig::set_wall_clock(before.time_ns);
  const Catalog catalog = scan(store);
  for (std::uint64_t i = 0; i < kMarkers; ++i)
    REQUIRE(is_marked(catalog, kMarkersFirst + static_cast<TimeNs>(i) * kNsPerSecond));
  check_answers(read_answers(store), before, after);
  check_scrub(store, before);
  check_ring(store, before, after);
}

/// What was answered is, with its segments; what is answered was asked for.
void KeptStore::check_answers(const Answers& found, const Durable& before, const Durable& after) const {
  for (const auto& [id, answer] : before.answers) {
    CAPTURE(format_segment_id(id));
    const auto at = found.find(id);
    REQUIRE(at != found.end());
    REQUIRE(rank(at->second.state) >= rank(answer.state));
    if (at->second.state == HoldState::kHeld)
      REQUIRE(std::ranges::includes(at->second.segments, answer.segments));
  }
  for (const auto& [id, answer] : found) {
    CAPTURE(format_segment_id(id));
    REQUIRE(asked_.contains(id));
    const auto at = after.answers.find(id);
    REQUIRE(at != after.answers.end());
    if (answer.state != HoldState::kHeld) REQUIRE(at->second.state == answer.state);
    if (at->second.state == HoldState::kHeld) {
      REQUIRE(answer.state == HoldState::kHeld);
      REQUIRE(std::ranges::includes(at->second.segments, answer.segments));
    }
  }
}

void KeptStore::check_scrub(const Store& store, const Durable& before) const {
  const Result<ScrubState> state = load_scrub_state(store);
  if (!state) REQUIRE(state.error().code == ErrorCode::kNotFound);
  if (before.scrub_position.empty()) return;
  REQUIRE(state.ok());
  REQUIRE(state->position >= before.scrub_position);
  REQUIRE(state->damages.empty());
  ++checked_.scrub_states;
}

/// As after a start: first all holds, then a ring that needs all the room there is.
void KeptStore::check_ring(const Store& store, const Durable& before, const Durable& after) const {
  HeldSegments held;
  const auto keeper = must(query::HoldKeeper::open(store, held, keeper_config()));
  const std::set<std::uint64_t> there = finished_segments(store);
  const Answers in_force = read_answers(store);
  Segments promised;
  for (const auto& [id, answer] : in_force) {
    CAPTURE(format_segment_id(id));
    REQUIRE(asked_.contains(id));
    REQUIRE(std::ranges::includes(there, answer.segments));
    for (const std::uint64_t segment : answer.segments) REQUIRE(held.contains(segment));
    const auto known = before.answers.find(id);
    const bool ended = known != before.answers.end() && rank(known->second.state) == 2;
    if (ended) REQUIRE(answer.state == known->second.state);
    checked_.holds_in_force += answer.state == HoldState::kHeld ? 1 : 0;
    promised.insert(answer.segments.begin(), answer.segments.end());
  }
  for (const auto& [id, answer] : before.answers) {
    const bool stays = answer.state == HoldState::kHeld && after.answers.at(id).state == HoldState::kHeld;
    if (stays) REQUIRE(in_force.at(id).state == HoldState::kHeld);
  }
  Ring ring(store, std::uint64_t{1}, &held);
  REQUIRE_FALSE(ring.reserve(make_segment_id(), 2).ok());
  keeper->step();
  Segments covered;
  for (const auto& [id, answer] : read_answers(store))
    covered.insert(answer.segments.begin(), answer.segments.end());
  REQUIRE(std::ranges::includes(covered, promised));
  REQUIRE(finished_segments(store) == covered);
  checked_.segments_held += covered.size();
  checked_.segments_dropped += ring.segments_evicted();
}

}  // namespace tapline::test
