// Texts that a store's directory may hold: names of files, records of `name = value` lines, lists of held
// segments, expired intervals, finished sources. What is accepted must survive being written again.

#include <algorithm>
#include <array>
#include <cstdlib>

#include "storage/expired_intervals.hpp"
#include "storage/file_names.hpp"
#include "storage/finished_sources.hpp"
#include "storage/hold.hpp"
#include "storage/scrub_state.hpp"
#include "storage/source.hpp"
#include "storage/store_volume.hpp"
#include "tests/fuzz/memory_file.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

bool same(const FinalName& a, const FinalName& b) {
  return a.first_ns == b.first_ns && a.last_ns == b.last_ns && a.port == b.port && a.worker == b.worker &&
         a.id_high == b.id_high;
}

void check_names(std::string_view text) {
  const std::optional<StepName> step = parse_step_name(text);
  if (step && step->first_block >= step->end_block) std::abort();
  static_cast<void>(parse_open_id_high(text));
  for (const auto suffix : {kPacketSuffix, kIndexSuffix, kSessionSuffix, kLedgerSuffix, kExpiredSuffix}) {
    static_cast<void>(is_open_name(text, suffix));
    const std::optional<FinalName> name = parse_final_name(text, suffix);
    if (!name) continue;
    const std::optional<FinalName> again = parse_final_name(final_name(*name, suffix), suffix);
    if (!again || !same(*name, *again)) std::abort();
  }
}

/// Text of what was read from a text: the same once more.
std::string text_of(const TextRecord& record) {
  std::string text;
  for (const char* name : {"filter", "since_ns", "state", "why", "bytes", "holes", "hole_63_last_ns",
                           "position", "damages", "damaged_0", "damage_127", "damage_in_0"})
    text += record.text(name) + "\n";
  return text;
}

void check_hold(const TextRecord& record) {
  const SegmentId id{};
  if (const Result<Hold> hold = read_hold(record, id)) {
    const TextRecord written = write_hold(*hold);
    const Result<Hold> again = read_hold(written, id);
    if (!again || text_of(write_hold(*again)) != text_of(written)) std::abort();
    if (hold->holes.size() > Hold::kHolesMax || hold->request.filter.size() > kHoldFilterBytesMax)
      std::abort();
  }
  if (const Result<ScrubState> scrub = read_scrub_state(record)) {
    const TextRecord written = write_scrub_state(*scrub);
    const Result<ScrubState> again = read_scrub_state(written);
    if (!again || text_of(write_scrub_state(*again)) != text_of(written)) std::abort();
  }
}

void check_list(std::string_view text) {
  const Result<std::vector<std::uint64_t>> segments = read_held_segments(text);
  if (segments && read_held_segments(write_held_segments(*segments)).value() != *segments) std::abort();
}

/// Texts of intervals: what is read is what is written of it.
void check_intervals(std::string_view text) {
  const auto intervals = parse_expired_intervals(text, "fuzz");
  if (!intervals) return;
  for (const ExpiredInterval& interval : *intervals) {
    if (interval.first_ns > interval.last_ns) std::abort();
  }
  for (const std::size_t intervals_max : {std::size_t{1}, std::size_t{3}, intervals->size() + 1}) {
    const std::vector<ExpiredInterval> merged = merge_intervals(*intervals, intervals_max);
    if (merged.size() > intervals_max) std::abort();
    for (std::size_t i = 1; i < merged.size(); ++i) {
      if (merged[i].first_ns <= merged[i - 1].last_ns) std::abort();
    }
    const auto is_within = [&](const ExpiredInterval& interval) {
      return std::ranges::any_of(merged, [&](const ExpiredInterval& whole) {
        return whole.first_ns <= interval.first_ns && interval.last_ns <= whole.last_ns;
      });
    };
    if (!std::ranges::all_of(*intervals, is_within)) std::abort();
  }
}

/// Any text as that of one source, behind the checksum: what is read of it is what is written of that.
void check_finished(std::string_view text) {
  const auto sources = parse_finished_sources(write_finished_sources({{SegmentId{}, std::string(text)}}));
  if (sources && *parse_finished_sources(write_finished_sources(*sources)) != *sources) std::abort();
}

void check_record(Bytes text) {
  static MemoryFile memory;
  memory.fill(text);
  const Result<TextRecord> record = TextRecord::load(memory.path());
  if (!record) return;
  static_cast<void>(read_source(*record, SegmentId{}).ok());
  check_hold(*record);
  const Result<StoreVolume> volume = read_volume(*record, SegmentId{}, "fuzz");
  if (volume && volume->path.empty()) std::abort();
  for (const char* name : {"format", "sensor", "a"}) {
    const Result<std::uint64_t> number = record->number(name);
    const Result<std::int64_t> signed_number = record->signed_number(name);
    if (number && std::stoull(record->text(name)) != *number) std::abort();
    if (signed_number && std::stoll(record->text(name)) != *signed_number) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_names({reinterpret_cast<const char*>(data), size});
  check_record({data, size});
  check_list({reinterpret_cast<const char*>(data), size});
  check_intervals({reinterpret_cast<const char*>(data), size});
  check_finished({reinterpret_cast<const char*>(data), size});
  return 0;
}
