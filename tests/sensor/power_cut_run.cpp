#include "tests/sensor/power_cut_run.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "sensor/crash_recovery.hpp"
#include "storage/recovery.hpp"
#include "storage/verification.hpp"

namespace tapline::test {
namespace {

using namespace tapline::storage;

RigConfig rig_config(const PowerCutConfig& config) {
  RigConfig rig = small_blocks();
  rig.record_disk = true;
  rig.budget_bytes = config.budget_bytes;
  rig.segment.segment_bytes_max = 40 * 1024;
  rig.segment.index_step_bytes = 16 * 1024;
  if (!config.kept) return rig;
  rig.segment.segment_bytes_max = 24 * 1024;
  rig.row_groups.file_groups_max = 2;  // several files of sessions, and of the ledger
  rig.volumes = {KeptStore::kVolume};
  return rig;
}

using RecordName = std::tuple<Uid, std::uint32_t, std::uint64_t, std::uint64_t>;
RecordName name_of(const SessionRecord& record) {
  return {record.uid, record.seq, record.a_to_b.total.packets, record.b_to_a.total.packets};
}

std::multiset<RecordName> names_of(const std::vector<SessionRecord>& records) {
  std::multiset<RecordName> names;
  for (const SessionRecord& record : records) names.insert(name_of(record));
  return names;
}

bool begins_with(const std::vector<LedgerRow>& rows, const std::vector<LedgerRow>& first) {
  return rows.size() >= first.size() && std::equal(first.begin(), first.end(), rows.begin());
}

bool is_expired(const Catalog& catalog, TimeNs time_ns) {
  return std::ranges::any_of(catalog.expired, [&](const CatalogFile& file) {
    return file.name.first_ns <= time_ns && time_ns <= file.name.last_ns;
  });
}

}  // namespace

PowerCutRun::PowerCutRun(const PowerCutConfig& config) : rig_(rig_config(config)) {
  rig_.save_account();
  if (config.kept) KeptStore::leave_markers(*rig_.store);
  durable_.push_back({operations().size(), {}, {}, {}});
  if (config.kept) kept_.emplace(rig_);
  const int ticks = config.kept && config.seconds > 0 ? KeptStore::kTicks : 100 * config.seconds;
  for (int tick = 0; tick < ticks; ++tick) {
    record_tick(config.frames_per_tick);
    if (kept_) kept_->step(tick);
  }
  rig_.stop();
  note_durable();
}

/// The writer keeps house once a second, and then everything is durable, unless a volume fails.
void PowerCutRun::record_tick(int frames) {
  for (int i = 0; i < frames; ++i) {
    LiveRig::pass(1);                                                      // no two frames have the same time
    const std::size_t flow = sent_.size() / 600 * 40 + sent_.size() % 40;  // others every second
    OwnedFrame frame = LiveRig::udp_now(static_cast<std::uint32_t>(flow), 100 + 30 * i);
    std::generate(frame.bytes.begin() + 42, frame.bytes.end(), std::ref(random_));  // does not compress
    sent_[frame.time_ns] = frame.bytes;
    rig_.script->receive(std::move(frame));
  }
  const int syncs = rig_.store.disk().syncs(".ledger.open");
  rig_.run_for(10 * kNsPerMillisecond);
  const bool fails = kept_ && kept_->volume_fails();
  const bool failed = !rig_.writer.take_errors().empty();
  REQUIRE((fails || !failed));
  if (rig_.store.disk().syncs(".ledger.open") != syncs && !fails) note_durable();
}

void PowerCutRun::note_durable() {
  Durable durable;
  durable.operations = operations().size();
  for (const ReadFrame& read : read_frames(*rig_.store)) durable.frames.push_back(read.frame.time_ns);
  durable.sessions = read_sessions(*rig_.store);
  durable.ledger = read_ledger_rows(*rig_.store, rig_.source_id);
  durable_.push_back(std::move(durable));
}

void PowerCutRun::check_cut(std::size_t operation_count, const Survival& survival, bool runs_too) {
  TAPLINE_CHECK(operation_count >= first_operation());
  CAPTURE(operation_count, static_cast<int>(survival.content), survival.torn_bytes, survival.all_names);
  const TemporaryFolder folder;
  disk().write_image(operation_count, survival, folder / "image");
  const Store store = must(Store::open_or_create(folder / "image/store", "test"));
  if (kept_) must(add_volume(store, store.path() + "-" + KeptStore::kVolume));  // it has moved
  for (const RecoveredFile& file : must(recover_store(store))) {
    CAPTURE(describe(file));
    // Later sectors that are there without earlier ones look like damage, and are set aside.
    REQUIRE((file.problem.empty() || survival.content == Survival::Content::kSectors));
    checked_.files_set_aside += file.damaged_path.empty() ? 0 : 1;
    checked_.files_recovered += file.blocks_kept > 0 ? 1 : 0;
    checked_.torn_bytes += file.torn_bytes;
  }
  check_store(store, operation_count);
  ++checked_.cuts;
  if (runs_too) check_run(store);
  if (kept_) kept_->check_cut(store, operation_count);
}

void PowerCutRun::check_run(const Store& store) {
  const auto reports = must(sensor::recover_runs(store, {.flows_max = 4096, .timeouts = {}}));
  REQUIRE(reports.size() == 1);
  for (const Error& problem : reports[0].problems) FAIL(problem.context);
  LedgerTotals totals;
  for (const LedgerRow& row : read_ledger_rows(store, rig_.source_id)) totals.add(row);
  must(totals.check());
}

void PowerCutRun::check_store(const Store& store, std::size_t operation_count) {
  const auto next = std::ranges::find_if(
      durable_, [&](const Durable& durable) { return durable.operations > operation_count; });
  const Catalog catalog = scan(store);
  REQUIRE(catalog.strays.empty());
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    for (const CatalogFile& file : *files) {
      CAPTURE(file.path);
      REQUIRE_FALSE(file.open);
      const VerifiedFile verified = must(verify_file(file, {.deep = true}));
      REQUIRE_FALSE(verified.index_missing);
    }
  }
  REQUIRE(load_source(store, rig_.source_id).ok());
  check_frames(store, *std::prev(next));
  check_records(store, *std::prev(next));
}

void PowerCutRun::check_frames(const Store& store, const Durable& durable) {
  const Catalog catalog = scan(store);
  std::set<TimeNs> found;
  for (const ReadFrame& read : read_frames(store)) {
    const auto sent = sent_.find(read.frame.time_ns);
    const bool true_once =
        sent != sent_.end() && sent->second == read.frame.bytes && found.insert(read.frame.time_ns).second;
    if (!true_once) FAIL("a frame of " << read.frame.time_ns << " was not recorded so, or is there twice");
  }
  for (const TimeNs time_ns : durable.frames) {
    if (!found.contains(time_ns) && !is_expired(catalog, time_ns))
      FAIL("the frame of " << time_ns << " was durable, and is gone");
  }
  checked_.frames_lost += sent_.size() - found.size();
}

void PowerCutRun::check_records(const Store& store, const Durable& durable) {
  const Durable& all = durable_.back();
  const std::multiset<RecordName> found = names_of(read_sessions(store));
  const std::multiset<RecordName> needed = names_of(durable.sessions);
  const std::multiset<RecordName> possible = names_of(all.sessions);
  REQUIRE(std::ranges::includes(found, needed));
  REQUIRE(std::ranges::includes(possible, found));
  const std::vector<LedgerRow> rows = read_ledger_rows(store, rig_.source_id);
  REQUIRE(begins_with(rows, durable.ledger));
  REQUIRE(begins_with(all.ledger, rows));
}

}  // namespace tapline::test
