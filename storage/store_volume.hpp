#pragma once
// StoreVolume: a directory, usually a disk of its own, in which a store keeps packets. Each store has at
// least the one in its own directory. Others are made volumes by their writer: `tapline-volume` in the
// directory says whose it is, `volumes/<id>.volume` (text) in the store where it was.

#include <string>
#include <vector>

#include "storage/container_writer.hpp"
#include "storage/store.hpp"
#include "storage/text_record.hpp"

namespace tapline::storage {

struct StoreVolume {
  SegmentId id{};               // zeroes: the store's own
  std::string path;             // its directory, without a slash at the end
  TimeNs added_at_ns = 0;       // wall clock, of others than the store's own
  TimeNs out_since_ns = 0;      // wall clock; 0: its writer uses it
  std::string out_reason = {};  // of one that is out

  bool own() const { return id == SegmentId{}; }
  std::string packets_directory() const { return path + "/packets"; }
};

/// The store's own first, then in the order in which they were added. kCorrupt names the file.
Result<std::vector<StoreVolume>> list_volumes(const Store& store);
/// One text of `volumes/`; `path` stands in messages. kCorrupt.
Result<StoreVolume> read_volume(const TextRecord& record, const SegmentId& id, const std::string& path);
/// Remembers what it says in the store. Nothing to do for the store's own.
Status save_volume(const Store& store, const StoreVolume& volume);

/// Makes `path` a volume of the store, or finds that it is one already, under whatever path it was before.
/// kInvalid where it is another store's or holds other files.
Result<StoreVolume> add_volume(const Store& store, const std::string& path);

/// Whether the directory is there and is that volume; kNotFound says what is there instead.
Status check_identity(const StoreVolume& volume);

}  // namespace tapline::storage
