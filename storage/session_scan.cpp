#include "storage/session_scan.hpp"

#include <algorithm>
#include <limits>

#include "storage/catalog.hpp"
#include "storage/file_names.hpp"
#include "storage/index_reader.hpp"

namespace tapline::storage {
namespace {

/// Times in the name of a finished file; nothing for `.open` ones, which have to be opened.
std::optional<FinalName> name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return parse_final_name(std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1),
                          kSessionSuffix);
}

/// Earliest order time that the first frame of the uid's flow can have: order time never lies before capture
/// time.
TimeNs least_order_ns(const Uid& uid) {
  constexpr std::int64_t kLimit = std::numeric_limits<TimeNs>::max() / kNsPerMillisecond;
  const std::int64_t ms = uid_millisecond(uid);
  return ms > kLimit || ms < -kLimit ? std::numeric_limits<TimeNs>::min() : ms * kNsPerMillisecond;
}

Status collect(SessionRowReader& rows, const Uid& uid, std::vector<SessionRecord>& found) {
  while (true) {
    const Result<std::span<const SessionRecord>> batch = rows.next();
    if (!batch) return batch.error();
    if (batch->empty()) return {};
    std::ranges::copy_if(*batch, std::back_inserter(found),
                         [&](const SessionRecord& r) { return r.uid == uid; });
  }
}

/// Groups that may hold the uid: what the file's index says, or all where there is none (`.open` files,
/// recovered ones) or it is damaged; it only saves reading.
BlockSet groups_of(const SessionFileReader& file, const Uid& uid) {
  const ContainerReader& container = file.container();
  const auto group_count = static_cast<std::uint32_t>(file.groups().size());
  BlockSet all(group_count, true);
  if (!container.finished()) return all;
  Result<IndexReader> index =
      IndexReader::open(index_path_of(container.path()), container.header().segment_id, group_count);
  if (!index) return all;
  BlockSet groups(group_count, false);
  const IndexKey key = uid_key(uid);
  return index->look_up({key.kind, key.value, key.value}, groups) ? groups : all;
}

/// Appends the records of one uid in one file; with `newest_only`, those of the last group that has any: the
/// highest numbers, since a file's groups are written in time order.
Status find_in_file(const std::string& path, const Uid& uid, bool newest_only, SessionRowReader& rows,
                    std::vector<SessionRecord>& found) {
  const TimeNs order_ns = least_order_ns(uid);
  Result<SessionFileReader> file = SessionFileReader::open(path);
  if (!file) return file.error();
  if (file->container().footer().order_last_ns < order_ns) return {};
  std::vector<std::uint32_t> groups = groups_of(*file, uid).numbers();
  if (newest_only) std::ranges::reverse(groups);
  const std::size_t found_before = found.size();
  for (const std::uint32_t group : groups) {
    if (file->groups()[group].order_first_ns < order_ns) continue;
    TAPLINE_TRY(file->read_group(group, kFieldsAll, rows));
    TAPLINE_TRY(collect(rows, uid, found));
    if (newest_only && found.size() > found_before) break;
  }
  return {};
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
    const std::optional<FinalName> name = name_of(path);
    return !name || name->last_ns >= first_ns;
  });
  return paths;
}

}  // namespace

SessionScan::SessionScan(std::vector<std::string> paths, const TimeWindow& window, std::uint8_t fields,
                         bool with_overtaken)
    : paths_(std::move(paths)),
      window_(window),
      fields_(fields | kFieldsTimes),
      with_overtaken_(with_overtaken) {
  kept_.reserve(SessionRowReader::kBatchRows);
}

Result<std::span<const SessionRecord>> SessionScan::next() {
  while (true) {
    Result<std::span<const SessionRecord>> batch = rows_.next();
    if (!batch) {
      const Error error{batch.error().code, file_->container().path() + ": " + batch.error().context};
      close_file();
      return error;
    }
    if (!batch->empty()) {
      counters_.rows_read += batch->size();
      const std::span<const SessionRecord> wanted = keep_wanted(*batch);
      if (!wanted.empty()) return wanted;
      continue;
    }
    const Result<bool> more = next_group();
    if (!more) {
      close_file();
      return more.error();
    }
    if (!*more) return std::span<const SessionRecord>{};
  }
}

std::span<const SessionRecord> SessionScan::keep_wanted(std::span<const SessionRecord> batch) {
  const auto touches = [this](const SessionRecord& r) {
    return window_.touches(r.delta_first_ns, r.delta_last_ns);
  };
  if (std::ranges::all_of(batch, touches)) {
    touched_ = true;
    return batch;
  }
  kept_.clear();
  for (const SessionRecord& record : batch) {
    const bool wanted = touches(record);
    touched_ = touched_ || wanted;
    if (wanted || is_overtaken(record.delta_last_ns)) kept_.push_back(record);
  }
  return kept_;
}

bool SessionScan::is_overtaken(TimeNs last_ns) const {
  return with_overtaken_ && touched_ && last_ns < window_.since_ns;
}

Result<bool> SessionScan::next_group() {
  while (true) {
    if (!file_ || next_group_ == file_->groups().size()) {
      close_file();
      Result<bool> opened = open_next_file();
      if (!opened || !*opened) return opened;
      continue;
    }
    const BlockEntry& group = file_->groups()[next_group_];
    const std::uint32_t number = next_group_++;
    if (!window_.touches(group.first_ns, group.last_ns) && !is_overtaken(group.last_ns)) {
      ++counters_.groups_skipped;
      continue;
    }
    ++counters_.groups_read;
    TAPLINE_TRY(file_->read_group(number, fields_, rows_));
    return true;
  }
}

Result<bool> SessionScan::open_next_file() {
  for (; next_path_ < paths_.size(); ++next_path_) {
    const std::optional<FinalName> name = name_of(paths_[next_path_]);
    if (!name || window_.touches(name->first_ns, name->last_ns)) break;
    ++counters_.files_skipped;
  }
  if (next_path_ == paths_.size()) return false;
  Result<SessionFileReader> file = SessionFileReader::open(paths_[next_path_++]);
  if (!file) return file.error();
  ++counters_.files_read;
  file_.emplace(std::move(*file));
  next_group_ = 0;
  touched_ = false;
  return true;
}

void SessionScan::close_file() {
  if (file_) counters_.bytes_read += file_->container().bytes_read();
  file_.reset();
}

std::vector<SessionRecord> find_session(const std::vector<std::string>& paths, const Uid& uid,
                                        std::vector<Error>& unreadable) {
  std::vector<SessionRecord> found;
  SessionRowReader rows;
  for (const std::string& path : paths) {
    if (Status searched = find_in_file(path, uid, false, rows, found); !searched)
      unreadable.push_back(searched.error());
  }
  order_records(found);
  return found;
}

std::optional<SessionRecord> find_newest_record(const std::vector<std::string>& paths, const Uid& uid,
                                                std::vector<Error>& unreadable) {
  std::vector<SessionRecord> found;
  SessionRowReader rows;
  for (const std::string& path : likely_first(paths, uid)) {
    if (Status searched = find_in_file(path, uid, true, rows, found); !searched)
      unreadable.push_back(searched.error());
    const auto last = std::ranges::find_if(found, &SessionRecord::final);
    if (last != found.end()) return *last;  // nothing follows it
  }
  order_records(found);
  return found.empty() ? std::nullopt : std::optional(found.back());
}

}  // namespace tapline::storage
