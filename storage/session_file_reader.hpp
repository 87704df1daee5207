#pragma once
// SessionFileReader: one session file, finished or still `.open` (then up to its last complete group). One
// thread. Memory: one group's stored and decoded bytes.

#include <string>
#include <vector>

#include "storage/container_reader.hpp"
#include "storage/session_row_reader.hpp"

namespace tapline::storage {

class SessionFileReader {
 public:
  /// A file that was published since it was listed is found under its final name. kNotFound where it is gone.
  /// kCorrupt, kUnsupported as ContainerReader.
  static Result<SessionFileReader> open(const std::string& path);

  const ContainerReader& container() const { return container_; }
  std::uint64_t rows() const { return container_.footer().frames; }
  /// Groups in the order in which they were written. An entry's first_ns and last_ns are the least
  /// delta_first and the greatest delta_last of its rows; order_first_ns is the greatest time of their first
  /// order keys.
  const std::vector<BlockEntry>& groups() const { return groups_; }
  /// Order time up to which all records that were due are in this file or in earlier ones of its worker;
  /// reads one group. The least time where the file has none.
  Result<TimeNs> complete_until_ns();

  /// Makes `rows` read group `number`; it stays valid until the next call.
  Status read_group(std::uint32_t number, std::uint8_t fields, SessionRowReader& rows);

 private:
  SessionFileReader(ContainerReader container, std::vector<BlockEntry> groups)
      : container_(std::move(container)), groups_(std::move(groups)) {}

  ContainerReader container_;
  std::vector<BlockEntry> groups_;
  DecodedBlock block_;
};

}  // namespace tapline::storage
