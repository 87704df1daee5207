#pragma once
// SessionScan: the session records of many files that touch a time window, file by file and group by group.
// Files and groups outside the window are skipped by name and block table. One thread; memory: one group and
// one batch.
//   while (true) { auto batch = scan.next(); if (!batch) note(batch.error()); else if (batch->empty()) break;
//   ... }

#include <optional>
#include <string>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/session_file_reader.hpp"

namespace tapline::storage {

struct SessionScanCounters {
  std::uint32_t files_read = 0;
  std::uint32_t files_skipped = 0;
  std::uint32_t groups_read = 0;
  std::uint32_t groups_skipped = 0;
  std::uint64_t rows_read = 0;
  std::uint64_t bytes_read = 0;
};

class SessionScan {
 public:
  /// `paths`: files in the order in which they are to be read (a catalog's). `fields`: SessionFields; times
  /// are always decoded. `with_overtaken`: see next().
  SessionScan(std::vector<std::string> paths, const TimeWindow& window, std::uint8_t fields,
              bool with_overtaken = false);

  /// Records whose [delta_first, delta_last] touches the window, valid until the next call; empty at the end.
  /// With overtaken ones: also those that lie before the window and were written after such a record in the
  /// same file, where the capture clock had stepped back: they may be the newest of their sessions. An error
  /// names a file that cannot be read (further): the call after it goes on with the next file.
  Result<std::span<const SessionRecord>> next();

  const SessionScanCounters& counters() const { return counters_; }

 private:
  /// Makes rows_ the next group that may hold something; false at the end of the files.
  Result<bool> next_group();
  Result<bool> open_next_file();
  void close_file();
  bool is_overtaken(TimeNs last_ns) const;
  std::span<const SessionRecord> keep_wanted(std::span<const SessionRecord> batch);

  std::vector<std::string> paths_;
  TimeWindow window_;
  std::uint8_t fields_;
  bool with_overtaken_;
  bool touched_ = false;  // a record of this file has touched the window
  std::size_t next_path_ = 0;
  std::optional<SessionFileReader> file_;
  std::uint32_t next_group_ = 0;
  SessionRowReader rows_;
  std::vector<SessionRecord> kept_;
  SessionScanCounters counters_;
};

}  // namespace tapline::storage
