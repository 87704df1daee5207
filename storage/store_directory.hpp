#pragma once
// StoreDirectory: what one directory of a store holds (packets/ of a volume, sessions/, ledger/), from its
// listing alone. A snapshot: a segment may be finished, renamed or evicted right after.

#include <string>
#include <vector>

#include "storage/file_names.hpp"

namespace tapline::storage {

/// Index of the blocks first_block <= b < end_block of an open segment.
struct IndexStep {
  std::string path;
  std::uint32_t first_block = 0;
  std::uint32_t end_block = 0;
};

struct CatalogFile {
  std::string path;
  bool open = false;  // still `.open`: of `name`, only id_high is known from the listing
  FinalName name;
  std::uint64_t file_bytes = 0;
  std::vector<IndexStep> steps;  // of open segments, by first block
};

/// What `file_name` says about a file with `suffix`, finished or open; nothing where it is none. Without path
/// and size.
std::optional<CatalogFile> parse_name(const std::string& file_name, std::string_view suffix);

struct StoreDirectory {
  std::vector<CatalogFile> files;    // with the suffix: finished ones by first time, then open ones by path
  std::vector<CatalogFile> expired;  // what the ring has dropped: times only
  std::vector<CatalogFile> damaged;  // what recovery has set aside: times only
  std::vector<std::string> strays;   // as in Catalog

  /// Lists until two listings agree (list_names). Other files are ignored.
  static Result<StoreDirectory> list(const std::string& directory, std::string_view suffix);
};

}  // namespace tapline::storage
