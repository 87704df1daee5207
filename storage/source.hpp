#pragma once
// Source: the account of one import, kept as `sources/<id>.source` (text) in the store. An import is known by
// what its file contains, so that the same file is not counted twice and an interrupted import can be taken
// up again.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/container_writer.hpp"
#include "storage/store.hpp"
#include "storage/text_record.hpp"

namespace tapline::storage {

enum class SourceState : std::uint8_t {
  kStarted,   // being imported now, or interrupted
  kComplete,  // to its end, or to where the file is damaged
};

struct Source {
  SegmentId id{};
  std::string path;  // as given; for people
  SourceState state = SourceState::kStarted;
  TimeNs started_at_ns = 0;   // wall clock
  TimeNs finished_at_ns = 0;  // wall clock
  // Of complete ones:
  std::uint64_t frames = 0;
  std::uint64_t captured_bytes = 0;
  std::uint64_t wire_bytes = 0;
  TimeNs first_ns = 0;  // earliest and latest capture time; meaningless without frames
  TimeNs last_ns = 0;
  std::string damage;   // why the file could not be read to its end; empty: it could
  bool packets = true;  // false: `--no-packets`, sessions only
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
