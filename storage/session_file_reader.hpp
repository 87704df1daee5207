#pragma once
// SessionFileReader: one session file. An entry's first_ns and last_ns are the least delta_first and the
// greatest delta_last of the group's rows; order_first_ns is the greatest time of their first order keys.

#include <string>

#include "storage/row_group_file_reader.hpp"
#include "storage/session_row_reader.hpp"

namespace tapline::storage {

class SessionFileReader : public RowGroupFileReader {
 public:
  /// kNotFound where the file is gone; kCorrupt, kUnsupported as ContainerReader.
  static Result<SessionFileReader> open(const std::string& path);

  std::uint64_t rows() const { return container().footer().frames; }

  /// Makes `rows` read group `number`; it stays valid until the next call.
  Status read_group(std::uint32_t number, std::uint8_t fields, SessionRowReader& rows);

 private:
  explicit SessionFileReader(RowGroupFileReader file) : RowGroupFileReader(std::move(file)) {}
};

}  // namespace tapline::storage
