#pragma once
// Source: the account of one import or of one run of the live sensor on one port, kept as
// `sources/<id>.source` (text) in the store. An import is known by what its file contains, so that the same
// file is not counted twice and an interrupted import can be taken up again; a run has a random id.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/container_writer.hpp"
#include "storage/store.hpp"
#include "storage/text_record.hpp"

namespace tapline::storage {

enum class SourceState : std::uint8_t {
  kStarted,   // being imported or recorded now, or interrupted
  kComplete,  // to its end, or to where the file is damaged; a run that was stopped
  kCrashed,   // a run that was not stopped; what it left behind has been recovered
};

struct Source {
  SegmentId id{};
  std::string path;  // file as given, or interface; for people
  bool live = false;
  std::uint16_t port = 0;     // of live ones
  std::uint16_t workers = 1;  // of live ones: they count from 0
  SourceState state = SourceState::kStarted;
  TimeNs started_at_ns = 0;   // wall clock
  TimeNs finished_at_ns = 0;  // wall clock
  // Of complete ones, but for first_ns, which a live source has from its start:
  std::uint64_t frames = 0;
  std::uint64_t captured_bytes = 0;
  std::uint64_t wire_bytes = 0;
  // Earliest and latest capture time; meaningless without frames. Live: when receiving began and ended (of a
  // crashed one: the last time that it accounted for).
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  std::string damage;   // why the file could not be read to its end; empty: it could
  bool packets = true;  // false: `--no-packets`, sessions only
  std::string policy;   // how much of a flow was to be stored (`--cutoff`), one line; empty: all of it
};

/// XXH3-128 over the file's size, first and last 64 KiB, and `name` (to tell equal files apart on purpose).
/// For what cannot be sought in (standard input) a random id: such an import cannot be recognised again,
/// unless it has a name.
Result<SegmentId> identify_source(const std::string& path, const std::string& name);

/// What the text of a `.source` file says. kCorrupt names the number that is none.
Result<Source> read_source(const TextRecord& record, const SegmentId& id);
Status save_source(const Store& store, const Source& source);
/// kNotFound where the store knows no such source.
Result<Source> load_source(const Store& store, const SegmentId& id);
/// All of them, by id. kCorrupt names the file.
Result<std::vector<Source>> list_sources(const Store& store);

}  // namespace tapline::storage
