#include "storage/query/live_run.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "capture/base/time_window.hpp"
#include "storage/ledger_file.hpp"
#include "storage/session_file_reader.hpp"

namespace tapline::query {
namespace {

using storage::CatalogFile;
using storage::Source;
using storage::SourceState;

constexpr TimeNs kNeverSaid = std::numeric_limits<TimeNs>::min();

/// Up to where the files of one worker go, by the newest that says so. `said`: of an opened file.
template <class Reader, class Said>
TimeNs newest(const std::vector<CatalogFile>& files, const Source& source, std::uint16_t worker, Said said) {
  for (auto file = files.rbegin(); file != files.rend(); ++file) {  // open ones first
    const storage::FinalName& name = file->name;
    const bool may_have =
        name.port == source.port && name.worker == worker && name.last_ns >= source.first_ns;
    if (!file->open && !may_have) continue;
    Result<Reader> reader = Reader::open(file->path);
    if (!reader) continue;
    const storage::SegmentHeader& header = reader->container().header();
    if (header.worker != worker || !std::ranges::equal(header.source_id, source.id)) continue;
    const TimeNs until_ns = said(*reader);
    if (until_ns != kNeverSaid) return until_ns;
  }
  return kNeverSaid;
}

template <class Reader>
TimeNs newest_complete(const std::vector<CatalogFile>& files, const Source& source, std::uint16_t worker) {
  return newest<Reader>(files, source, worker, [](Reader& reader) {
    const Result<TimeNs> until_ns = reader.complete_until_ns();
    return until_ns ? *until_ns : kNeverSaid;
  });
}

TimeNs complete_until(const Source& source, const storage::Catalog& catalog, std::uint16_t worker,
                      QuestionKind kind) {
  const TimeNs ledger_ns = newest_complete<storage::LedgerFileReader>(catalog.ledgers, source, worker);
  const TimeNs sessions_ns = newest_complete<storage::SessionFileReader>(catalog.sessions, source, worker);
  if (kind == QuestionKind::kSessions && sessions_ns != kNeverSaid) return sessions_ns;
  return std::max(ledger_ns, sessions_ns);
}

/// Start of the last second that the worker's ledger has: within it the sensor may have died.
TimeNs last_second(const Source& source, const storage::Catalog& catalog, std::uint16_t worker) {
  return newest<storage::LedgerFileReader>(catalog.ledgers, source, worker,
                                           [](const storage::LedgerFileReader& reader) {
                                             if (reader.groups().empty()) return kNeverSaid;
                                             const TimeNs last_ns = reader.container().footer().last_ns;
                                             return saturating_add(last_ns, -TimeNs{second_rest_ns(last_ns)});
                                           });
}

}  // namespace

Result<StoreMoment> StoreMoment::observe(const storage::Store& store) {
  const Result<std::optional<std::string>> writer = storage::find_writer(store);
  if (!writer) return writer.error();
  return StoreMoment{writer->has_value(), wall_clock_ns()};
}

std::vector<LiveRun> find_live_runs(const std::vector<Source>& sources, const storage::Catalog& catalog,
                                    const StoreMoment& moment, QuestionKind kind) {
  std::vector<LiveRun> runs;
  for (const Source& source : sources) {
    if (!source.live) continue;
    LiveRun run{source.id, source.path, source.workers, LiveRun::State::kEnded, source.first_ns, 0};
    if (source.state != SourceState::kStarted) {
      run.complete_until_ns = time_after(source.last_ns);
      runs.push_back(std::move(run));
      continue;
    }
    run.state = moment.writer_active ? LiveRun::State::kRecording : LiveRun::State::kDead;
    run.complete_until_ns = std::numeric_limits<TimeNs>::max();
    for (std::uint16_t worker = 0; worker < source.workers; ++worker) {
      const TimeNs until_ns = moment.writer_active ? complete_until(source, catalog, worker, kind)
                                                   : last_second(source, catalog, worker);
      run.complete_until_ns = std::min(run.complete_until_ns, until_ns);
    }
    run.complete_until_ns = std::max(run.complete_until_ns, source.first_ns);
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace tapline::query
