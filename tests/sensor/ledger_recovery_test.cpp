// Rows that correct a second's account: books that close stay closed, and stored frames become those found.

#include "sensor/ledger_recovery.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace tapline;
using namespace tapline::storage;

namespace {

struct Booked {
  Frame frame;
  std::uint32_t stored_bytes;
  DecodeStatus status;
};

Booked random_frame(std::mt19937_64& random) {
  Booked booked;
  booked.frame.captured_bytes = static_cast<std::uint32_t>(20 + random() % 500);
  // Cut at the source, whole, or of a source that understates.
  const std::uint64_t kind = random() % 6;
  booked.frame.wire_bytes = booked.frame.captured_bytes + (kind == 0 ? 700 : 0) - (kind == 1 ? 5 : 0);
  booked.stored_bytes = random() % 4 == 0 ? booked.frame.captured_bytes / 2 : booked.frame.captured_bytes;
  booked.status = random() % 5 == 0 ? DecodeStatus::kArp : DecodeStatus::kIp;
  return booked;
}

void book(const Booked& booked, LedgerCounts& counts) {
  counts.add_polled(booked.frame);
  counts.add_decoded(1);
  booked.status == DecodeStatus::kIp ? counts.add_in_session() : counts.add_no_session(booked.status);
  counts.add_stored(booked.frame, booked.stored_bytes);
}

std::int64_t stored(const LedgerCounts& counts) {
  return counts[kFrameStoredWhole] + counts[kFrameStoredCut];
}
std::int64_t stored_bytes(const LedgerCounts& counts) {
  return counts[kFrameStoredWholeBytes] + counts[kFrameStoredCutBytes] + counts[kFrameStoredBeyondWireBytes];
}

Status check(const LedgerCounts& counts) {
  LedgerRow row;
  row.counts = counts;
  LedgerTotals totals;
  totals.add(row);
  return totals.check();
}

}  // namespace

TEST_CASE("a corrected second stores what was found, and its books close") {
  const std::uint64_t seed = GENERATE(range(1u, 201u));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  LedgerCounts booked;
  LedgerCounts found;
  // Frames in both, only in the ledger (lost), only in the segments (not yet booked), dropped before.
  for (std::uint64_t i = random() % 20; i > 0; --i) {
    const Booked frame = random_frame(random);
    const std::uint64_t where = random() % 3;
    if (where != 0 || seed % 3 == 0) book(frame, booked);
    if (where != 1 || seed % 3 == 1) book(frame, found);
  }
  for (std::uint64_t i = random() % 3; i > 0; --i) {
    const Booked frame = random_frame(random);
    booked.add_polled(frame.frame);
    booked.add_decoded(1);
    booked.add_in_session();
    booked.add_dropped(frame.frame, DropCause::kNoBlock);
  }
  REQUIRE(check(booked).ok());
  LedgerCounts corrected = booked;
  corrected.add(sensor::correct_counts(booked, found));
  const Status books = check(corrected);
  CHECK(books.ok());
  CHECK(stored(corrected) == stored(found));
  CHECK(stored_bytes(corrected) == stored_bytes(found));
  CHECK(corrected[kFramePolled] >= booked[kFramePolled]);
  CHECK_FALSE(sensor::correct_counts(corrected, found).any());
}

TEST_CASE("a second that was not booked is booked as the sensor would have") {
  std::mt19937_64 random(1);
  LedgerCounts found;
  for (int i = 0; i < 50; ++i) book(random_frame(random), found);
  CHECK(sensor::correct_counts({}, found) == found);
}

TEST_CASE("frames that are not in the segments move from stored to crash") {
  std::mt19937_64 random(2);
  LedgerCounts booked;
  std::uint64_t wire_bytes = 0;
  for (int i = 0; i < 50; ++i) {
    const Booked frame = random_frame(random);
    wire_bytes += frame.frame.wire_bytes;
    book(frame, booked);
  }
  const LedgerCounts row = sensor::correct_counts(booked, {});
  CHECK(row[kFrameDropped + static_cast<std::size_t>(DropCause::kCrash)] == 50);
  CHECK(row[kFrameDroppedBytes + static_cast<std::size_t>(DropCause::kCrash)] ==
        static_cast<std::int64_t>(wire_bytes));
  CHECK(row[kFramePolled] == 0);
  CHECK(row[kFrameDecoded] == 0);
}

TEST_CASE("where the recount tells cut from short otherwise, nothing moves") {
  LedgerCounts booked;
  LedgerCounts found;
  Frame frame;
  frame.captured_bytes = frame.wire_bytes = 1000;
  booked.add_stored(frame, 200);  // cut by the sensor
  frame.captured_bytes = 200;
  found.add_stored(frame, 200);  // taken for cut at the source
  CHECK_FALSE(sensor::correct_counts(booked, found).any());
}
