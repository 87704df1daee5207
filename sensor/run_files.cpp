#include "sensor/run_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "storage/container_reader.hpp"

namespace tapline::sensor {
namespace {

using storage::BlockEntry;
using storage::CatalogFile;
using storage::ContainerReader;

/// A block table does not say when a block ends in order time, but the blocks of a lane follow each other:
/// only the last of those that begin before `since_ns` reaches beyond it.
std::vector<query::PlannedBlock> blocks_since(const std::vector<BlockEntry>& entries, TimeNs since_ns) {
  std::map<std::uint16_t, query::PlannedBlock> last_before;
  std::vector<query::PlannedBlock> blocks;
  for (std::uint32_t number = 0; number < entries.size(); ++number) {
    const query::PlannedBlock block{number, entries[number]};
    if (entries[number].order_first_ns < since_ns) {
      last_before[entries[number].lane] = block;
    } else {
      blocks.push_back(block);
    }
  }
  for (const auto& [lane, block] : last_before) blocks.push_back(block);
  std::ranges::sort(blocks, {}, &query::PlannedBlock::number);
  return blocks;
}

}  // namespace

/// Not by the times in its name: frames that are played back, or stamped by a card whose clock is wrong, may
/// be of any year. A file that was last written long before the run is another one's.
bool RunFiles::may_be_mine(const CatalogFile& file) const {
  if (file.open || file.name.port != source_.port || file.name.worker != worker_) return false;
  struct stat about {};
  if (::stat(file.path.c_str(), &about) != 0) return true;  // opening it will say why
  return about.st_mtim.tv_sec >= (source_.started_at_ns - kClockBackMax) / kNsPerSecond;
}

bool RunFiles::is_mine(const storage::SegmentHeader& header) const {
  return std::ranges::equal(header.source_id, source_.id);
}

std::vector<std::string> RunFiles::by_creation(const std::vector<CatalogFile>& files,
                                               std::vector<Error>& unreadable) const {
  std::vector<std::pair<TimeNs, std::string>> mine;
  for (const CatalogFile& file : files) {
    if (!may_be_mine(file)) continue;
    const Result<ContainerReader> reader = ContainerReader::open(file.path);
    if (!reader) {
      unreadable.push_back(reader.error());
    } else if (is_mine(reader->header())) {
      mine.emplace_back(reader->header().created_ns, file.path);
    }
  }
  std::ranges::stable_sort(mine, {}, [](const auto& file) { return file.first; });
  std::vector<std::string> paths;
  paths.reserve(mine.size());
  for (auto& [created_ns, path] : mine) paths.push_back(std::move(path));
  return paths;
}

std::vector<std::string> RunFiles::sessions(std::vector<Error>& unreadable) const {
  return by_creation(catalog_.sessions, unreadable);
}

std::vector<std::string> RunFiles::ledgers(std::vector<Error>& unreadable) const {
  return by_creation(catalog_.ledgers, unreadable);
}

std::vector<query::PlannedSegment> RunFiles::segments(TimeNs since_ns, std::vector<Error>& unreadable) const {
  std::vector<query::PlannedSegment> segments;
  for (const CatalogFile& file : catalog_.segments) {
    if (!may_be_mine(file)) continue;
    if (file.name.last_ns < saturating_add(since_ns, -kClockBackMax)) continue;
    const Result<ContainerReader> reader = ContainerReader::open(file.path);
    if (!reader) {
      unreadable.push_back(reader.error());
      continue;
    }
    if (!is_mine(reader->header()) || reader->footer().order_last_ns < since_ns) continue;
    const Result<std::vector<BlockEntry>> entries = reader->load_entries();
    if (!entries) {
      unreadable.push_back(entries.error());
      continue;
    }
    segments.push_back({file, reader->header(), blocks_since(*entries, since_ns)});
  }
  return segments;
}

std::optional<TimeNs> RunFiles::expired_until_ns() const {
  std::optional<TimeNs> until_ns;
  for (const CatalogFile& file : catalog_.expired) {
    if (file.name.port != source_.port || file.name.worker != worker_) continue;
    if (!until_ns || file.name.last_ns > *until_ns) until_ns = file.name.last_ns;
  }
  return until_ns;
}

storage::RowGroupFileConfig RunFiles::row_files(std::string directory) const {
  storage::RowGroupFileConfig files;
  files.directory = std::move(directory);
  files.port = source_.port;
  files.worker = worker_;
  files.sensor_id = store_.sensor_id();
  files.source_id = source_.id;
  return files;
}

}  // namespace tapline::sensor
