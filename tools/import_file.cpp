#include "tools/import_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "capture/files/file_source.hpp"
#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "tools/progress.hpp"

namespace tapline::tools {
namespace {

using storage::Source;
using storage::SourceState;
using storage::Store;

/// Removes every file of a source that was interrupted: it is imported again from the start, so nothing of it
/// may be counted twice.
Result<std::uint64_t> take_back(const Store& store, const storage::SegmentId& source_id) {
  const Result<storage::Catalog> catalog = storage::Catalog::scan(store);
  if (!catalog) return catalog.error();
  std::uint64_t removed = 0;
  for (const auto* files : {&catalog->segments, &catalog->sessions, &catalog->ledgers}) {
    for (const storage::CatalogFile& file : *files) {
      const Result<storage::ContainerReader> reader = storage::ContainerReader::open(file.path);
      if (!reader || !std::ranges::equal(reader->header().source_id, source_id)) continue;
      TAPLINE_TRY(store.disk().remove(file.path));
      TAPLINE_TRY(store.disk().remove(storage::index_path_of(file.path)));
      ++removed;
    }
  }
  return removed;
}

/// Opens the account. A complete one is an answer: the file is in the store.
Result<std::uint64_t> open_account(const Store& store, Source& source) {
  const Result<Source> known = storage::load_source(store, source.id);
  if (!known && known.error().code != ErrorCode::kNotFound) return known.error();
  std::uint64_t files_taken_back = 0;
  if (known && known->state == SourceState::kComplete) {
    return Error{
        ErrorCode::kBusy,
        fmt::format("{} is in {} already: {} frames, imported {} from {}; to import it once more as another "
                    "source, name it with --source",
                    source.path, store.path(), known->frames, format_rfc3339(known->finished_at_ns),
                    known->path)};
  }
  if (known) {
    const Result<std::uint64_t> removed = take_back(store, source.id);
    if (!removed) return removed.error();
    files_taken_back = *removed;
  }
  TAPLINE_TRY(storage::save_source(store, source));
  return files_taken_back;
}

/// Polls the source to its end. Damage ends the loop, not the import.
Status run_source(FrameSource& frames, sensor::Pipeline& pipeline, query::HoldKeeper* holds,
                  Progress& progress, std::string& damage) {
  constexpr std::uint32_t kBurstsPerLook = 1024;
  std::array<Frame, kBurstFramesMax> burst;
  for (std::uint32_t bursts = 1;; ++bursts) {
    if (holds != nullptr && bursts % kBurstsPerLook == 0) holds->step();
    const Result<PollResult> polled = frames.poll(burst);
    if (!polled) {
      damage = polled.error().context;
      return {};
    }
    TAPLINE_TRY(pipeline.process(std::span(burst).first(polled->frames)));
    const SourceProgress come = frames.progress();
    progress.update(come.consumed_bytes, come.total_bytes, frames.counters().polled_frames);
    if (polled->end) return {};
  }
}

void close_account(const SourceCounters& counters, const sensor::Pipeline& pipeline, Source& source) {
  source.state = SourceState::kComplete;
  source.finished_at_ns = wall_clock_ns();
  source.frames = counters.polled_frames;
  source.captured_bytes = counters.polled_captured_bytes;
  source.wire_bytes = counters.polled_wire_bytes;
  source.first_ns = pipeline.first_ns();
  source.last_ns = pipeline.last_ns();
}

}  // namespace

Result<ImportResult> import_file(const Store& store, const std::string& path, const ImportOptions& options) {
  const Result<storage::SegmentId> id = storage::identify_source(path, options.source_name);
  if (!id) return id.error();
  Result<std::unique_ptr<FrameSource>> frames = open_capture_file(path);
  if (!frames) return frames.error();

  ImportResult result;
  result.source.id = *id;
  result.source.path = path;
  result.source.started_at_ns = wall_clock_ns();
  result.source.packets = options.store_packets;
  result.source.policy = options.cutoff.text();
  const Result<std::uint64_t> taken_back = open_account(store, result.source);
  if (!taken_back) return taken_back.error();
  result.files_taken_back = *taken_back;

  sensor::PipelineConfig config;
  config.source_id = *id;
  config.store_packets = options.store_packets;
  config.cutoff = options.cutoff;
  config.budget_bytes = options.budget_bytes;
  config.held = options.held;
  if (options.flows_max != 0) config.flows_max = options.flows_max;
  config.count_copies = options.count_copies;
  Result<std::unique_ptr<sensor::Pipeline>> pipeline = sensor::Pipeline::create(store, config);
  if (!pipeline) return pipeline.error();

  Progress progress(path, options.show_progress);
  TAPLINE_TRY(run_source(**frames, **pipeline, options.holds, progress, result.source.damage));
  TAPLINE_TRY((*pipeline)->finish());
  progress.finish();

  result.totals = (*pipeline)->totals();
  result.flows = (*pipeline)->flow_counters();
  result.segments = (*pipeline)->segment_counters();
  result.sessions = (*pipeline)->session_counters();
  result.segments_evicted = (*pipeline)->segments_evicted();
  close_account((*frames)->counters(), **pipeline, result.source);
  TAPLINE_TRY(storage::save_source(store, result.source));
  return result;
}

}  // namespace tapline::tools
