#include "storage/session_scan.hpp"

#include <algorithm>

#include "storage/file_names.hpp"

namespace tapline::storage {
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
    const std::optional<FinalName> name = parse_final_path(paths_[next_path_], kSessionSuffix);
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

}  // namespace tapline::storage
