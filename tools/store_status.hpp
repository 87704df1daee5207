#pragma once
// StoreStatus: what a store holds, and whether its accounts agree, from listings, footers and the ledger;
// only where asked for, from all session records, too. What the newest sessions say about the tap. Reads no
// packets and writes nothing. One thread.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/ledger_row.hpp"
#include "storage/scrub_state.hpp"
#include "storage/source.hpp"
#include "storage/store.hpp"
#include "tools/tap_survey.hpp"

namespace tapline::tools {

struct FilesStatus {
  std::uint64_t files = 0;  // finished and open
  std::uint64_t open_files = 0;
  std::uint64_t file_bytes = 0;
};

struct PacketsStatus {
  FilesStatus segments;
  std::uint64_t expired_segments = 0;
  std::uint64_t frames = 0;  // by the segments' footers
  std::uint64_t captured_bytes = 0;
  TimeNs first_ns = 0;  // meaningless without frames
  TimeNs last_ns = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t indexes_missing = 0;  // of finished segments
};

struct SessionsStatus {
  FilesStatus files;
  std::uint64_t records = 0;  // by the files' footers
  /// Of all records; only with `deep`.
  struct Deep {
    std::uint64_t final_records = 0;
    std::uint64_t packets = 0;            // sum of all records' deltas: each packet of a session once
    std::uint64_t duplicate_packets = 0;  // the same of copies
  };
  std::optional<Deep> deep;
};

/// What the ledger says about one run of the live sensor.
struct LiveStatus {
  storage::LedgerTotals totals;
  std::map<std::uint16_t, std::uint64_t>
      device_dropped_frames;       // by worker: cumulative, as of the last reading
  std::int64_t newest_second = 0;  // meaningless without rows
  bool any_row = false;

  struct Polled {
    std::int64_t frames = 0;
    std::int64_t wire_bytes = 0;
  };
  std::map<std::int64_t, Polled> newest_seconds;  // the newest kRateSeconds of them

  static constexpr std::int64_t kRateSeconds = 10;

  void add(const storage::LedgerRow& row);
  std::uint64_t device_dropped() const;
  /// Per second over the newest kRateSeconds.
  double frames_per_second() const;
  double wire_bytes_per_second() const;
};

struct HoldsStatus {
  std::uint64_t in_force = 0;
  std::uint64_t pending = 0;   // nobody has answered them yet
  std::uint64_t segments = 0;  // that are held, each once
  std::uint64_t bytes = 0;     // of these, without indexes
};

/// Two sides of an account that have to be equal.
struct BookCheck {
  std::string_view name;
  std::uint64_t left = 0;
  std::uint64_t right = 0;
  std::string not_compared;  // why the sides need not agree; empty: they must

  bool closes() const { return !not_compared.empty() || left == right; }
};

struct StoreStatus {
  std::string path;
  std::string sensor;
  std::uint64_t format = 0;
  bool writer_active = false;
  std::string writer_pid;  // of an active one
  std::vector<storage::Source> sources;
  PacketsStatus packets;
  SessionsStatus sessions;
  FilesStatus ledger_files;
  storage::LedgerTotals ledger;
  std::map<storage::SegmentId, LiveStatus> live;  // of live sources, by source
  Status ledger_books;                            // books 1 and 3 of the ledger by itself
  std::vector<BookCheck> checks;                  // the ledger against sources, segments and session records
  std::vector<Error> unreadable;                  // files that could not be read (to their end)
  HoldsStatus holds;
  TapSurvey tap;
  std::optional<storage::ScrubState> scrub;  // none: never scrubbed
  TimeNs covered_ns = 0;                     // time that complete sources cover, overlaps once

  bool intact() const;
};

/// `deep`: reads all session records, too, and compares their packets with the ledger.
Result<StoreStatus> read_status(const storage::Store& store, bool deep = false);

std::string format_status(const StoreStatus& status);
/// One JSON object; names: README.md.
std::string status_json(const StoreStatus& status);

}  // namespace tapline::tools
