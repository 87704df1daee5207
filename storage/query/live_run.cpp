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

/// Up to where the files of each worker go, by the newest that says so; each file is opened once. `said`: of
/// an opened file.
template <class Reader, class Said>
std::vector<TimeNs> newest(const std::vector<CatalogFile>& files, const Source& source, Said said) {
  std::vector<TimeNs> until_ns(source.workers, kNeverSaid);
  for (auto file = files.rbegin(); file != files.rend(); ++file) {  // open ones first
    const storage::FinalName& name = file->name;
    const bool may_have = name.port == source.port && name.worker < source.workers &&
                          until_ns[name.worker] == kNeverSaid && name.last_ns >= source.first_ns;
    if (!file->open && !may_have) continue;
    Result<Reader> reader = Reader::open(file->path);
    if (!reader) continue;
    const storage::SegmentHeader& header = reader->container().header();
    const bool wanted = header.worker < source.workers && until_ns[header.worker] == kNeverSaid &&
                        std::ranges::equal(header.source_id, source.id);
    if (wanted) until_ns[header.worker] = said(*reader);
  }
  return until_ns;
}

template <class Reader>
std::vector<TimeNs> newest_complete(const std::vector<CatalogFile>& files, const Source& source) {
  return newest<Reader>(files, source, [](Reader& reader) {
    const Result<TimeNs> until_ns = reader.complete_until_ns();
    return until_ns ? *until_ns : kNeverSaid;
  });
}

/// Of each worker.
std::vector<TimeNs> complete_until(const Source& source, const storage::Catalog& catalog, QuestionKind kind) {
  const std::vector<TimeNs> ledger_ns = newest_complete<storage::LedgerFileReader>(catalog.ledgers, source);
  std::vector<TimeNs> until_ns = newest_complete<storage::SessionFileReader>(catalog.sessions, source);
  for (std::size_t worker = 0; worker < until_ns.size(); ++worker) {
    const bool sessions_count = kind == QuestionKind::kSessions && until_ns[worker] != kNeverSaid;
    if (!sessions_count) until_ns[worker] = std::max(until_ns[worker], ledger_ns[worker]);
  }
  return until_ns;
}

/// Start of the last second that each worker's ledger has: within it the sensor may have died.
std::vector<TimeNs> last_seconds(const Source& source, const storage::Catalog& catalog) {
  return newest<storage::LedgerFileReader>(catalog.ledgers, source,
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
    const std::vector<TimeNs> until_ns =
        moment.writer_active ? complete_until(source, catalog, kind) : last_seconds(source, catalog);
    run.complete_until_ns = std::numeric_limits<TimeNs>::max();
    for (const TimeNs worker_ns : until_ns)
      run.complete_until_ns = std::min(run.complete_until_ns, worker_ns);
    run.complete_until_ns = std::max(run.complete_until_ns, source.first_ns);
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace tapline::query
