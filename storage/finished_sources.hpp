#pragma once
// FinishedSources: what the files of sources that have ended say, once more in one file (FORMAT.md, "Finished
// sources"). Every question needs all sources; a file of each costs a page of the disk, cold. It only saves
// reading: a source that is not in it is read from its own file, and so are all where it is missing or
// damaged. Readers on any thread; the rest is for the holder of the store's lock.

#include <map>
#include <string>
#include <string_view>

#include "storage/container_writer.hpp"
#include "storage/store.hpp"

namespace tapline::storage {

/// The text of each `.source` file.
using FinishedSources = std::map<SegmentId, std::string>;

/// Longest text: some 3,600 sources. Further ones stay in their own files.
inline constexpr std::size_t kFinishedSourcesBytesMax = 1024 * 1024;

std::string write_finished_sources(const FinishedSources& sources);
/// kCorrupt where the checksum or the form is wrong.
Result<FinishedSources> parse_finished_sources(std::string_view text);

/// What the file says; nothing where there is none or it is damaged.
FinishedSources load_finished_sources(const Store& store);
Status save_finished_sources(const Store& store, const FinishedSources& sources);

}  // namespace tapline::storage
