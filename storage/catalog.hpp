#pragma once
// Catalog: which files a store consists of, from directory listings alone. A snapshot: a segment may be
// finished, renamed or evicted right after; readers then find it `expired` or look again.

#include <string>
#include <vector>

#include "storage/file_names.hpp"
#include "storage/store.hpp"

namespace tapline::storage {

struct CatalogFile {
  std::string path;
  bool open = false;  // still `.open`: `name` is not known from the listing
  FinalName name;
  std::uint64_t file_bytes = 0;
};

struct Catalog {
  std::vector<CatalogFile> segments;  // finished ones by first time, then open ones by path
  std::vector<CatalogFile> expired;   // what the ring has dropped: name and times only
  std::vector<CatalogFile> sessions;
  std::vector<CatalogFile> ledgers;

  /// Fails only where a directory cannot be read; other files in it are ignored.
  static Result<Catalog> scan(const Store& store);
};

/// The index that belongs to a finished segment or session file.
std::string index_path_of(const std::string& path);

}  // namespace tapline::storage
