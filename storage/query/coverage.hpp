#pragma once
// Coverage: what an answer could see. The window asked for, the holes in it (then the answer may lack frames,
// and an empty one proves nothing) and the qualifications (what was stored is less than what was on the wire,
// on purpose or by the source). Computed from the accounts of the sources, the ledger of live ones and the
// names of expired segments; what turns out to be unreadable or gone while answering is added.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/catalog.hpp"
#include "storage/query/hole.hpp"
#include "storage/query/live_run.hpp"
#include "storage/query/plan.hpp"
#include "storage/scrub_state.hpp"
#include "storage/source.hpp"

namespace tapline::query {

enum class QualificationKind : std::uint8_t {
  kCut,            // frames shortened by us
  kCutAtSource,    // bytes that the source's snap length left out
  kSourceDamaged,  // the input file could not be read to its end
  kNotStored,      // imported with --no-packets: sessions only
  kFiltered,       // frames that the policy left out
};
const char* qualification_name(QualificationKind kind);

struct Qualification {
  QualificationKind kind;
  std::uint64_t count = 0;
  std::string detail;
  bool adds_up = false;  // counts of windows that follow each other may be added: told by the ledger
};

struct Coverage {
  TimeWindow window;  // as asked, unlimited ends replaced by what was recorded
  std::vector<Hole> holes;
  std::vector<Qualification> qualifications;
  std::vector<storage::SegmentId> told_by_ledger;  // sources of which the ledger has told what is short

  bool complete() const { return holes.empty(); }
  /// An empty answer means that there was nothing.
  bool proof_of_absence() const { return holes.empty() && qualifications.empty(); }

  /// What the ring has dropped: segments, or session files.
  void add_expired(const storage::Catalog& catalog, QuestionKind kind);
  /// Volumes that are not there, for as long as they were written.
  void add_missing_volumes(const storage::Catalog& catalog);
  /// What recovery has set aside because it was damaged: packets, sessions or ledger.
  void add_damaged(const storage::Catalog& catalog);
  /// Segments whose index hides frames, as far as the scrub knows: other damage is met by who reads it.
  void add_scrubbed(const storage::ScrubState& scrub);
  void add_unreadable(const std::vector<UnreadableSegment>& segments);
  /// Errors that name files of `files`, such as session files; the whole window where the name of the file
  /// does not tell its times.
  void add_unreadable_files(const std::vector<storage::CatalogFile>& files, const std::vector<Error>& errors);
  /// Cut frames and bytes of the segments that were opened, of sources of which the ledger tells nothing.
  void add_plan(const Plan& plan);
};

/// For a store that is being written, `moment`, then `catalog` are to be taken before the catalog from which
/// the question is answered: what is said to be complete here is on the disk then. Expired segments count for
/// questions about packets only. `counted`: the seconds of which the ledger's counts are told, where they are
/// not those that touch the window.
Coverage make_coverage(const std::vector<storage::Source>& sources, const storage::Catalog& catalog,
                       const TimeWindow& window, QuestionKind kind, const StoreMoment& moment,
                       const std::optional<TimeWindow>& counted = std::nullopt);

/// Observes the store's moment, then lists its sources and files, as make_coverage() wants it.
Result<Coverage> read_coverage(const storage::Store& store, const TimeWindow& window, QuestionKind kind);

/// One line for people: "coverage: 2026-... to 2026-..., complete" or with its holes.
std::string format_coverage(const Coverage& coverage);
/// One JSON object.
std::string coverage_json(const Coverage& coverage);

}  // namespace tapline::query
