#include "storage/session_file_reader.hpp"

namespace tapline::storage {

Result<SessionFileReader> SessionFileReader::open(const std::string& path) {
  Result<RowGroupFileReader> file = RowGroupFileReader::open(path, kKindSessions);
  if (!file) return file.error();
  return SessionFileReader(std::move(*file));
}

Status SessionFileReader::read_group(std::uint32_t number, std::uint8_t fields, SessionRowReader& rows) {
  const Result<Bytes> group = load_group(number);
  if (!group) return group.error();
  const Status opened = rows.open(*group, fields);
  return opened ? opened : group_error(number, opened.error());
}

}  // namespace tapline::storage
