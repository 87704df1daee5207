#pragma once
// Catalog: which files a store consists of, from directory listings alone. A snapshot: a segment may be
// finished, renamed or evicted right after; readers then find it `expired` or look again.

#include <string>
#include <vector>

#include "storage/container_reader.hpp"
#include "storage/store_directory.hpp"
#include "storage/store_volume.hpp"

namespace tapline::storage {

struct Catalog {
  std::vector<CatalogFile> segments;  // of all volumes: finished ones by first time, then open ones by path
  std::vector<CatalogFile> expired;   // what the ring has dropped, by first time: times only
  std::vector<CatalogFile> sessions;
  std::vector<CatalogFile> expired_sessions;
  std::vector<CatalogFile> ledgers;
  std::vector<CatalogFile> damaged;  // what recovery has set aside, of any kind: name and times only

  /// Left by a writer that died, unless it is at work on them: `.open` files without a segment header, steps
  /// of segments that are not open, indexes without their file, drafts. Nothing for readers.
  std::vector<std::string> strays;

  std::vector<StoreVolume> missing_volumes;  // nobody knows which segments are there

  /// Fails only where a directory of the store itself cannot be read; other files in it are ignored. A
  /// directory is listed until two listings agree, because one that meets a rename may show the file under
  /// both of its names or none.
  static Result<Catalog> scan(const Store& store);
  /// Of packets only: segments, expired and damaged ones, and their strays.
  static Result<Catalog> scan_packets(const Store& store);
};

/// What has become of a file since it was listed at `path`: published under its final name (or still at
/// `path`), or expired (then the path ends with kExpiredSuffix). Lists the directory once. kNotFound where
/// nothing of it is left.
Result<CatalogFile> find_again(const std::string& path);

/// Opens a file wherever it is by now, and brings `file` up to date with that. kNotFound: it has expired, or
/// nothing is left of it; then `file` has the name with its times, if there still is one. Else as
/// ContainerReader::open.
Result<ContainerReader> open_listed(CatalogFile& file);
/// The same by the path under which it was listed.
Result<ContainerReader> open_listed(const std::string& path);

/// True where `path` does not name a file any more: it was renamed, or is gone. An error in reading a file of
/// which this is true may be the ring's truncation.
bool has_vanished(const std::string& path);

/// The index that belongs to a finished segment or session file.
std::string index_path_of(const std::string& path);

}  // namespace tapline::storage
