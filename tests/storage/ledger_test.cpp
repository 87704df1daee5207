#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include "storage/file_names.hpp"
#include "storage/ledger_book.hpp"
#include "storage/ledger_file.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint64_t kSeed = 12;
constexpr TimeNs kLeast = std::numeric_limits<TimeNs>::min();
constexpr TimeNs kGreatest = std::numeric_limits<TimeNs>::max();

Frame make_frame(std::uint32_t captured_bytes, std::uint32_t wire_bytes, TimeNs order_ns = 0) {
  Frame frame;
  frame.captured_bytes = captured_bytes;
  frame.wire_bytes = wire_bytes;
  frame.order.time_ns = order_ns;
  return frame;
}

/// A frame with its fate, drawn at random; odd lengths included.
void book_random(std::mt19937_64& random, LedgerCounts& counts) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  const Frame frame = make_frame(below(3) == 0 ? 0 : below(2000), below(4) == 0 ? below(100) : below(2000));
  counts.add_polled(frame);
  switch (below(4)) {
    case 0:
      counts.add_filtered(frame);
      break;
    case 1:
      counts.add_dropped(frame, static_cast<DropCause>(below(kDropCauseCount)));
      break;
    default:
      counts.add_stored(frame, below(2) == 0 ? frame.captured_bytes : below(frame.captured_bytes + 1));
  }
  counts.add_decoded(1);
  if (below(2) == 0) {
    counts.add_in_session();
  } else {
    counts.add_no_session(static_cast<DecodeStatus>(1 + below(kDecodeStatusCount - 1)));
  }
}

std::vector<LedgerRow> random_rows(std::size_t count, bool extreme) {
  std::mt19937_64 random(kSeed + count);
  std::vector<LedgerRow> rows(count);
  for (std::size_t i = 0; i < count; ++i) {
    LedgerRow& row = rows[i];
    row.second =
        extreme ? static_cast<std::int64_t>(random()) : 1'767'225'600 + static_cast<std::int64_t>(i / 2);
    row.port = static_cast<std::uint16_t>(i % 2);
    row.worker = static_cast<std::uint16_t>(extreme ? random() : 0);
    row.device_measured = i % 10 == 0;
    row.device_received_frames = row.device_measured ? i * 1000 : 0;
    row.device_dropped_frames = row.device_measured && extreme ? random() : 0;
    for (auto& value : row.counts.values) value = extreme ? static_cast<std::int64_t>(random()) : 0;
    if (!extreme) book_random(random, row.counts);
  }
  return rows;
}

std::vector<LedgerRow> read_rows(const std::string& path) {
  auto file = LedgerFileReader::open(path);
  REQUIRE(file.ok());
  std::vector<LedgerRow> rows;
  while (true) {
    const auto group = file->next();
    REQUIRE(group.ok());
    if (group->empty()) return rows;
    rows.insert(rows.end(), group->begin(), group->end());
  }
}

RowGroupFileConfig config_for(const TemporaryFolder& folder) {
  RowGroupFileConfig config;
  config.directory = folder.path();
  return config;
}

std::string only_file(const TemporaryFolder& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) paths.push_back(entry.path());
  REQUIRE(paths.size() == 1);
  return paths[0];
}

}  // namespace

TEST_CASE("ledger: the books close for any fate of any frame, odd lengths included") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  LedgerRow row;
  LedgerTotals totals;
  for (int i = 0; i < 20000; ++i) {
    row.counts = {};
    book_random(random, row.counts);
    totals.add(row);
  }
  const Status closed = totals.check();
  INFO((closed.ok() ? "" : closed.error().context));
  CHECK(closed.ok());
  CHECK(totals.counts()[kFrameUnderstated] > 0);
  CHECK(totals.dropped_frames() > 0);
  CHECK(totals.no_session_frames() > 0);
}

TEST_CASE("ledger: each kind of frame lands in its counters") {
  LedgerCounts counts;
  counts.add_stored(make_frame(100, 1500), 100);  // cut at the source
  CHECK(counts[kFrameStoredWhole] == 1);
  CHECK(counts[kFrameStoredWholeBytes] == 100);
  CHECK(counts[kFrameCutAtSourceBytes] == 1400);
  CHECK(counts[kFrameCutByUsBytes] == 0);

  counts = {};
  counts.add_stored(make_frame(1000, 1500), 64);  // cut twice
  CHECK(counts[kFrameStoredCut] == 1);
  CHECK(counts[kFrameStoredWhole] == 0);
  CHECK(counts[kFrameStoredCutBytes] == 64);
  CHECK(counts[kFrameCutByUsBytes] == 936);
  CHECK(counts[kFrameCutAtSourceBytes] == 500);

  counts = {};
  counts.add_polled(make_frame(80, 60));  // more captured than the wire had
  counts.add_stored(make_frame(80, 60), 80);
  CHECK(counts[kFrameUnderstated] == 1);
  CHECK(counts[kFrameUnderstatedBytes] == 20);
  CHECK(counts[kFrameStoredWholeBytes] == 60);
  CHECK(counts[kFrameStoredBeyondWireBytes] == 20);
  CHECK(counts[kFrameCutAtSourceBytes] == 0);

  counts = {};
  counts.add_stored(make_frame(80, 60), 70);  // cut, and still beyond the wire
  CHECK(counts[kFrameStoredCut] == 1);
  CHECK(counts[kFrameStoredCutBytes] == 60);
  CHECK(counts[kFrameCutByUsBytes] == 0);
  CHECK(counts[kFrameStoredBeyondWireBytes] == 10);

  counts = {};
  counts.add_dropped(make_frame(80, 90), DropCause::kIoError);
  CHECK(counts[kFrameDropped + 1] == 1);
  CHECK(counts[kFrameDroppedBytes + 1] == 90);
  counts.add_no_session(DecodeStatus::kBadIpHeader);
  CHECK(counts[kFrameNoSession + 6] == 1);
}

TEST_CASE("ledger: frames of attempts that were given up are in no session, and book 3 closes") {
  LedgerRow row;
  for (int i = 0; i < 3; ++i) {
    const Frame frame = make_frame(60, 60);
    row.counts.add_polled(frame);
    row.counts.add_filtered(frame);
    row.counts.add_decoded(1);
    row.counts.add_in_session();
  }
  LedgerRow correction;
  correction.counts.move_to_attempts(2);
  LedgerTotals totals;
  totals.add(row);
  totals.add(correction);
  CHECK(totals.counts()[kFrameInSession] == 1);
  CHECK(totals.counts()[kFrameInAttempt] == 2);
  CHECK(totals.check());
}

TEST_CASE("ledger: a packet in a tunnel is decoded in addition to its frame") {
  LedgerRow row;
  const Frame frame = make_frame(90, 90);
  row.counts.add_polled(frame);
  row.counts.add_filtered(frame);
  row.counts.add_decoded(3);
  for (int packet = 0; packet < 3; ++packet) row.counts.add_in_session();
  CHECK(row.counts[kFrameDecoded] == 3);
  CHECK(row.counts[kPacketInner] == 2);
  LedgerTotals totals;
  totals.add(row);
  CHECK(totals.check());
  row.counts.add(kPacketInner, 1);
  totals.add(row);
  CHECK(totals.check().error().context.find("packets in tunnels") != std::string::npos);
}

TEST_CASE("ledger: a book that does not close says which, and by how much") {
  const auto why = [](std::size_t counter, std::int64_t amount) {
    LedgerRow row;
    row.counts.values[counter] = amount;
    LedgerTotals totals;
    totals.add(row);
    const Status closed = totals.check();
    return closed.ok() ? std::string() : closed.error().context;
  };
  CHECK(why(kFramePolled, 3).find("book 1 in frames") != std::string::npos);
  CHECK(why(kFramePolled, 3).find("difference 3") != std::string::npos);
  CHECK(why(kFrameFilteredBytes, 7).find("book 1 in bytes") != std::string::npos);
  CHECK(why(kFrameFilteredBytes, 7).find("difference -7") != std::string::npos);
  CHECK(why(kFrameInSession, 2).find("book 3") != std::string::npos);
  // Every counter that is part of a book breaks it; those beside the books do not.
  const std::set<std::size_t> beside{
      kFramePolledCapturedBytes, kFrameUnderstated,   kFrameUnderstatedBytes, kFrameStoredBeyondWireBytes,
      kFrameStoredLowered,       kFrameStoredHurried, kFrameCutOverload,      kFrameCutOverloadBytes,
      kFrameOversized,           kFrameLate,          kFrameBadChecksum,      kClockSet};
  for (std::size_t counter = 0; counter < kLedgerCounterCount; ++counter) {
    INFO(kLedgerCounters[counter].name);
    CHECK(why(counter, 1).empty() == beside.contains(counter));
    static_cast<void>(why(counter, kLeast));
  }
}

TEST_CASE("ledger: a frame is booked at the second of its order time, whatever the second") {
  LedgerBook book(2, 5);
  const std::vector<TimeNs> times{
      0,          999'999'999, 1'000'000'000, -1,  -1'000'000'000, -1'000'000'001, kLeast,
      kLeast + 1, kGreatest,   kGreatest - 1, 500, 1'500'000'000};
  std::map<std::int64_t, std::int64_t> expected;
  for (const TimeNs time : times) {
    book.at(time).add(kFramePolled, 1);
    ++expected[floor_seconds(time)];
  }
  book.close_second();
  std::map<std::int64_t, std::int64_t> booked;
  for (const LedgerRow& row : book.rows()) {
    CHECK(row.port == 2);
    CHECK(row.worker == 5);
    booked[row.second] += row.counts[kFramePolled];
  }
  CHECK(booked == expected);
}

TEST_CASE("ledger: a second that goes on is one row; an untouched one is none") {
  LedgerBook book(0, 0);
  book.close_second();
  CHECK(book.rows().empty());
  for (TimeNs time = 0; time < 3 * kNsPerSecond; time += 1'000'000) book.at(time).add(kFramePolled, 1);
  CHECK(book.rows().size() == 2);
  book.close_second();
  REQUIRE(book.rows().size() == 3);
  CHECK(book.rows()[1].second == 1);
  CHECK(book.rows()[1].counts[kFramePolled] == 1000);
  book.clear_rows();
  book.close_second();
  CHECK(book.rows().empty());
  book.at(2'500'000'000).add(kFramePolled, 1);  // more of a second that was closed
  book.close_second();
  REQUIRE(book.rows().size() == 1);
  CHECK(book.rows()[0].second == 2);
}

TEST_CASE("ledger: device readings stand in the second in which they were made, and only there") {
  LedgerBook book(0, 0);
  book.note_device(5 * kNsPerSecond, 1000, 3);
  book.at(6 * kNsPerSecond).add(kFramePolled, 1);
  book.close_second();
  REQUIRE(book.rows().size() == 2);
  CHECK(book.rows()[0].device_measured);
  CHECK(book.rows()[0].device_received_frames == 1000);
  CHECK(book.rows()[0].device_dropped_frames == 3);
  CHECK_FALSE(book.rows()[1].device_measured);
  CHECK(book.rows()[1].device_received_frames == 0);
}

TEST_CASE("ledger files: rows survive, plausible and extreme") {
  for (const bool extreme : {false, true}) {
    const TemporaryFolder folder;
    const auto rows = random_rows(5000, extreme);
    LedgerFileWriter writer(config_for(folder));
    for (const LedgerRow& row : rows) REQUIRE(writer.append(row).ok());
    REQUIRE(writer.finish().ok());
    CHECK(read_rows(only_file(folder)) == rows);
    if (!extreme) CHECK(writer.counters().stored_bytes < 5000 * 40);
  }
}

TEST_CASE("ledger files: named by their seconds, readable while open, complete as far as was said") {
  const TemporaryFolder folder;
  LedgerFileWriter writer(config_for(folder));
  const auto rows = random_rows(10, false);
  for (const LedgerRow& row : rows) REQUIRE(writer.append(row).ok());
  writer.note_complete(99);
  REQUIRE(writer.flush().ok());
  CHECK(read_rows(only_file(folder)) == rows);
  REQUIRE(writer.finish().ok());
  const std::string path = only_file(folder);
  const auto name = parse_final_name(std::filesystem::path(path).filename().string(), kLedgerSuffix);
  REQUIRE(name);
  CHECK(name->first_ns == rows.front().second * kNsPerSecond);
  CHECK(name->last_ns == rows.back().second * kNsPerSecond + kNsPerSecond - 1);
  LedgerFileWriter idle(config_for(folder));
  REQUIRE(idle.finish().ok());
  CHECK(only_file(folder) == path);
}

TEST_CASE("ledger: counters of a later program are skipped, those of a later column are 0") {
  RowGroupBuilder builder;
  builder.begin(kKindLedger, 2, 0);
  std::vector<std::uint64_t> values{5, 6};
  ColumnSpec later = kLedgerCounters[0];
  later.number = 999;
  builder.add(later, values);
  values = {7, 8};
  builder.add(kLedgerCounters[kFramePolled], values);
  LedgerGroupCodec codec;
  const auto rows = codec.decode(builder.finish());
  REQUIRE(rows.ok());
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[1].counts[kFramePolled] == 8);
  CHECK((*rows)[1].counts[kFrameDecoded] == 0);
}

TEST_CASE("ledger: damaged groups are refused or yield no more than their rows") {
  const auto rows = random_rows(20, false);
  LedgerGroupCodec codec, reader;
  const Bytes encoded = codec.encode(rows, 0);
  const ByteBuffer group(encoded.begin(), encoded.end());
  for (std::size_t cut = 0; cut < group.size(); ++cut) {
    const ByteBuffer part(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(cut));
    if (reader.decode(part).ok()) FAIL("cut to " << cut << " was read");
  }
  for (std::size_t bit = 0; bit < group.size() * 8; ++bit) {
    ByteBuffer flipped = group;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto read = reader.decode(flipped);
    if (read.ok() && read->size() > kRowGroupRowsMax) FAIL("bit " << bit);
  }
}

TEST_CASE("ledger: numbers and names are unique, and explained") {
  std::set<std::string> names;
  std::set<std::uint16_t> numbers;
  const auto check = [&](const ColumnSpec& spec) {
    CHECK(names.insert(spec.name).second);
    CHECK(numbers.insert(spec.number).second);
    CHECK(std::string(spec.help).size() > 4);
  };
  for (const ColumnSpec& spec : kLedgerColumns) check(spec);
  for (const ColumnSpec& spec : kLedgerCounters) check(spec);
  for (std::uint16_t cause = 0; cause < kDropCauseCount; ++cause) {
    const std::string name = std::string("frame_dropped_") + drop_cause_name(static_cast<DropCause>(cause));
    CHECK(kLedgerCounters[kFrameDropped + cause].name == name);
    CHECK(kLedgerCounters[kFrameDroppedBytes + cause].name == name + "_bytes");
  }
  for (std::uint32_t status = 0; status < kDecodeStatusCount; ++status) {
    const std::string name = decode_status_name(static_cast<DecodeStatus>(status));
    CHECK(kLedgerCounters[kFrameNoSession + status].name == "frame_no_session_" + name);
  }
}
