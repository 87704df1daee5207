#include "storage/session_lookup.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "storage/catalog.hpp"
#include "storage/file_names.hpp"
#include "storage/index_reader.hpp"
#include "storage/session_row_reader.hpp"

namespace tapline::storage {
namespace {

/// Earliest order time that the first frame of the uid's flow can have: order time never lies before capture
/// time.
TimeNs least_order_ns(const Uid& uid) {
  constexpr std::int64_t kLimit = std::numeric_limits<TimeNs>::max() / kNsPerMillisecond;
  const std::int64_t ms = uid_millisecond(uid);
  return ms > kLimit || ms < -kLimit ? std::numeric_limits<TimeNs>::min() : ms * kNsPerMillisecond;
}

/// By number, each once.
void order_records(std::vector<SessionRecord>& records) {
  std::ranges::stable_sort(records, {}, &SessionRecord::seq);
  const auto same_seq = [](const SessionRecord& a, const SessionRecord& b) { return a.seq == b.seq; };
  records.erase(std::unique(records.begin(), records.end(), same_seq), records.end());
}

/// Files that by their names may have records of the uid come first. The others have some only where the
/// capture clock was set back by so much.
std::vector<std::string> likely_first(std::vector<std::string> paths, const Uid& uid) {
  const TimeNs first_ns = least_order_ns(uid);
  std::stable_partition(paths.begin(), paths.end(), [&](const std::string& path) {
    const std::optional<FinalName> name = parse_final_path(path, kSessionSuffix);
    return !name || name->last_ns >= first_ns;
  });
  return paths;
}

/// The records of one uid, file after file. Buffers are used again.
class Lookup {
 public:
  /// `newest_only`: of each file those of the last group that has any: the highest numbers, since a file's
  /// groups are written in time order.
  Lookup(const Uid& uid, bool newest_only)
      : uid_(uid), order_ns_(least_order_ns(uid)), newest_only_(newest_only) {}

  Status search(const std::string& path) {
    Result<ContainerReader> file = open_listed(path);
    if (!file) return file.error();
    if (file->header().kind != kKindSessions)
      return Error{ErrorCode::kCorrupt, path + ": not a session file"};
    if (file->footer().order_last_ns < order_ns_) return {};
    if (!file->finished()) return search_all(*file);
    Result<IndexReader> index =
        IndexReader::open(index_path_of(file->path()), file->header().segment_id, file->block_count());
    return index ? search_indexed(*file, *index) : search_all(*file);
  }

  std::vector<SessionRecord>& found() { return found_; }

 private:
  /// The index only saves reading: a damaged one is as good as none.
  Status search_indexed(ContainerReader& file, IndexReader& index) {
    const IndexKey key = uid_key(uid_);
    if (newest_only_) {
      BlockSet likely(file.block_count(), false);
      const std::size_t found_before = found_.size();
      if (index.look_up_spread(key, likely) && read_groups(file, likely.numbers()) &&
          std::any_of(found_.begin() + static_cast<std::ptrdiff_t>(found_before), found_.end(),
                      [](const SessionRecord& record) { return record.final(); })) {
        return {};  // nothing follows it
      }
      found_.resize(found_before);
    }
    BlockSet groups(file.block_count(), false);
    if (!index.look_up({key.kind, key.value, key.value}, groups)) return search_all(file);
    return read_groups(file, groups.numbers());
  }

  /// Of files without index, `.open` and recovered ones: all groups that may hold the uid.
  Status search_all(ContainerReader& file) {
    const Result<std::vector<BlockEntry>> table = file.load_entries();
    if (!table) return table.error();
    std::vector<std::uint32_t> groups;
    for (std::uint32_t group = 0; group < table->size(); ++group) {
      if ((*table)[group].order_first_ns >= order_ns_) groups.push_back(group);
    }
    return read_groups(file, std::move(groups));
  }

  /// `groups`: ascending.
  Status read_groups(ContainerReader& file, std::vector<std::uint32_t> groups) {
    file.expect_single_blocks();
    if (newest_only_) std::ranges::reverse(groups);
    const std::size_t found_before = found_.size();
    for (const std::uint32_t group : groups) {
      const Result<BlockEntry> entry = file.entry(group);
      if (!entry) return entry.error();
      TAPLINE_TRY(file.read_block(*entry, group, block_));
      if (const Status collected = collect(); !collected) {
        return Error{collected.error().code,
                     file.path() + ": group " + std::to_string(group) + ": " + collected.error().context};
      }
      if (newest_only_ && found_.size() > found_before) break;
    }
    return {};
  }

  Status collect() {
    TAPLINE_TRY(rows_.open(block_.content, kFieldsAll));
    while (true) {
      const Result<std::span<const SessionRecord>> batch = rows_.next();
      if (!batch) return batch.error();
      if (batch->empty()) return {};
      std::ranges::copy_if(*batch, std::back_inserter(found_),
                           [this](const SessionRecord& record) { return record.uid == uid_; });
    }
  }

  Uid uid_;
  TimeNs order_ns_;
  bool newest_only_;
  DecodedBlock block_;
  SessionRowReader rows_;
  std::vector<SessionRecord> found_;
};

}  // namespace

std::vector<SessionRecord> find_session(const std::vector<std::string>& paths, const Uid& uid,
                                        std::vector<Error>& unreadable) {
  Lookup lookup(uid, false);
  for (const std::string& path : paths) {
    if (Status searched = lookup.search(path); !searched) unreadable.push_back(searched.error());
  }
  order_records(lookup.found());
  return std::move(lookup.found());
}

std::optional<SessionRecord> find_newest_record(const std::vector<std::string>& paths, const Uid& uid,
                                                std::vector<Error>& unreadable) {
  Lookup lookup(uid, true);
  std::vector<SessionRecord>& found = lookup.found();
  for (const std::string& path : likely_first(paths, uid)) {
    if (Status searched = lookup.search(path); !searched) unreadable.push_back(searched.error());
    const auto last = std::ranges::find_if(found, &SessionRecord::final);
    if (last != found.end()) return *last;  // nothing follows it
  }
  order_records(found);
  return found.empty() ? std::nullopt : std::optional(found.back());
}

}  // namespace tapline::storage
