#pragma once
// RowGroupFileReader: a file of row groups, finished or still `.open` (then up to its last complete group):
// what the readers of sessions and of the ledger have in common. One thread. Memory: one group's stored and
// decoded bytes.

#include <string>
#include <vector>

#include "capture/base/time.hpp"
#include "storage/container_reader.hpp"

namespace tapline::storage {

class RowGroupFileReader {
 public:
  const ContainerReader& container() const { return container_; }
  /// In the order in which they were written.
  const std::vector<BlockEntry>& groups() const { return groups_; }
  /// Order time up to which all rows that were due are in this file or in earlier ones of its worker; reads
  /// one group. The least time where the file does not say.
  Result<TimeNs> complete_until_ns();

 protected:
  /// A file that was published since it was listed is found under its final name. kNotFound where it is gone,
  /// kCorrupt where its kind is not `kind`; else errors as ContainerReader::open.
  static Result<RowGroupFileReader> open(const std::string& path, std::uint16_t kind);

  /// A group's content, valid until the next call.
  Result<Bytes> load_group(std::uint32_t number);
  /// What is wrong with a group, by file and number.
  Error group_error(std::uint32_t number, const Error& error) const;

 private:
  RowGroupFileReader(ContainerReader container, std::vector<BlockEntry> groups)
      : container_(std::move(container)), groups_(std::move(groups)) {}

  ContainerReader container_;
  std::vector<BlockEntry> groups_;
  DecodedBlock block_;
};

}  // namespace tapline::storage
