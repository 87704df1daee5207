#pragma once
// Coverage: what an answer could see. The window asked for, the holes in it (then the answer may lack frames,
// and an empty one proves nothing) and the qualifications (what was stored is less than what was on the wire,
// on purpose or by the source). Computed from the accounts of the sources and the names of expired segments;
// what turns out to be unreadable while answering is added.

#include <cstdint>
#include <string>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/catalog.hpp"
#include "storage/query/plan.hpp"
#include "storage/source.hpp"

namespace tapline::query {

enum class HoleReason : std::uint8_t {
  kExpired,     // the ring has dropped a segment
  kSensorDown,  // nothing was recorded, or an import was interrupted
  kCorrupt,     // a segment or block cannot be read
};
const char* hole_reason_name(HoleReason reason);

struct Hole {
  TimeNs first_ns = 0;  // closed interval
  TimeNs last_ns = 0;
  HoleReason reason = HoleReason::kSensorDown;
  std::string detail;
};

enum class QualificationKind : std::uint8_t {
  kCut,            // frames shortened by us
  kCutAtSource,    // bytes that the source's snap length left out
  kSourceDamaged,  // the input file could not be read to its end
  kNotStored,      // imported with --no-packets: sessions only
};
const char* qualification_name(QualificationKind kind);

struct Qualification {
  QualificationKind kind;
  std::uint64_t count = 0;
  std::string detail;
};

struct Coverage {
  TimeWindow window;  // as asked, unlimited ends replaced by what was recorded
  std::vector<Hole> holes;
  std::vector<Qualification> qualifications;

  bool complete() const { return holes.empty(); }
  /// An empty answer means that there was nothing.
  bool proof_of_absence() const { return holes.empty() && qualifications.empty(); }

  void add_unreadable(const std::vector<UnreadableSegment>& segments);
  /// Errors that name files of `files`, such as session files; the whole window where the name of the file
  /// does not tell its times.
  void add_unreadable_files(const std::vector<storage::CatalogFile>& files, const std::vector<Error>& errors);
  /// Cut frames and bytes, from the totals of the segments that were opened.
  void add_plan(const Plan& plan);
};

/// `packets`: the question is about packets, so that expired segments and `--no-packets` matter.
Coverage make_coverage(const std::vector<storage::Source>& sources, const storage::Catalog& catalog,
                       const TimeWindow& window, bool packets);

/// One line for people: "coverage: 2026-... to 2026-..., complete" or with its holes.
std::string format_coverage(const Coverage& coverage);
/// One JSON object.
std::string coverage_json(const Coverage& coverage);

}  // namespace tapline::query
