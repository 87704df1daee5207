#pragma once
// StoreStatus: what a store holds, and whether its accounts agree, from listings, footers, the ledger and the
// session records. Reads no packets and writes nothing. One thread.

#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/ledger_row.hpp"
#include "storage/source.hpp"
#include "storage/store.hpp"

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
  std::uint64_t records = 0;
  std::uint64_t final_records = 0;
  std::uint64_t packets = 0;  // sum of all records' deltas: each packet of a session once
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
  Status ledger_books;            // books 1 and 3 of the ledger by itself
  std::vector<BookCheck> checks;  // the ledger against sources, segments and session records
  std::vector<Error> unreadable;  // files that could not be read (to their end)
  TimeNs covered_ns = 0;          // time that complete sources cover, overlaps once

  bool intact() const;
};

Result<StoreStatus> read_status(const storage::Store& store);

std::string format_status(const StoreStatus& status);
/// One JSON object; names: README.md.
std::string status_json(const StoreStatus& status);

}  // namespace tapline::tools
