#pragma once
// HoldInForce: one hold, and which segments it covers, as far as they have been looked at. One thread at a
// time.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/hold.hpp"
#include "storage/query/filter_index_query.hpp"

namespace tapline::query {

struct HoldInForce {
  struct Judgement {
    bool covered = false;
    bool over_quota = false;  // would be covered, but there was no room
    std::uint64_t bytes = 0;  // of segment and index
  };

  storage::Hold hold;
  IndexQuery query;
  bool damaged = false;  // its record cannot be read: what its list names is held, nothing is written
  bool changed = false;  // since it was saved
  std::unordered_map<std::uint64_t, Judgement> judged;  // by id_high

  /// Whether a plan names a block of this finished segment; one that cannot be looked into may hold
  /// something.
  bool covers(const storage::CatalogFile& segment) const;
  bool has_covered(std::uint64_t id_high) const;
  /// id_high of what is covered, ascending.
  std::vector<std::uint64_t> segments() const;
  /// Brings the counts of `hold` up to date.
  void count();
};

std::uint64_t bytes_of_segment(const storage::CatalogFile& segment);

/// Segments of the window that have expired: those next to each other as one; the last one takes what is too
/// much. A window without a beginning begins with the oldest segment that there is.
std::vector<storage::Hold::Interval> find_holes(const TimeWindow& window, const storage::Catalog& catalog);

}  // namespace tapline::query
