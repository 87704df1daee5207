// make_record_seeds FOLDER: writes the seeds of row_group_fuzz, session_file_fuzz and ledger_fuzz to
// subfolders of FOLDER. Run by hand, after encodings or schemas have grown.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "storage/ledger_book.hpp"
#include "storage/ledger_file.hpp"
#include "storage/session_row_buffer.hpp"
#include "tests/storage/session_samples.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

std::string folder;
std::size_t written = 0;

void write_seed(const std::string& name, Bytes bytes) {
  std::ofstream file(folder + "/" + name, std::ios::binary);
  for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
  if (file.good()) ++written;
}

/// One column alone, so that the fuzzer meets each encoding early.
void write_column(const std::string& name, ColumnType type, ColumnHints hints, std::uint32_t rows,
                  const std::function<std::uint64_t(std::uint64_t row)>& value) {
  std::vector<std::uint64_t> values(rows);
  for (std::uint64_t row = 0; row < rows; ++row) values[row] = value(row);
  RowGroupBuilder builder;
  builder.begin(kKindSessions, rows, 0);
  builder.add({5, "", type, 64, hints, ""}, values);
  write_seed("row_group/" + name, builder.finish());
}

void write_row_groups() {
  constexpr ColumnHints kTime{.scale = true, .delta = true, .range = true};
  const auto scattered = [](std::uint64_t row) { return (row * 0x9E3779B97F4A7C15) >> 8; };
  write_column("constant", ColumnType::kUnsigned, {}, 9, [](std::uint64_t) { return 300; });
  write_column("packed", ColumnType::kUnsigned, {}, 130,
               [&](std::uint64_t row) { return scattered(row) & 0x1fff; });
  write_column("packed_wide", ColumnType::kSigned, {}, 20, scattered);
  write_column("varint", ColumnType::kUnsigned, {}, 60,
               [&](std::uint64_t row) { return scattered(row) * 257; });
  write_column("dictionary", ColumnType::kUnsigned, {}, 120,
               [](std::uint64_t row) { return row * row % 7 << 40; });
  write_column("sparse", ColumnType::kSigned, {}, 230,
               [](std::uint64_t row) { return row % 50 == 3 ? 0 - row : 0; });
  write_column("times", ColumnType::kSigned, kTime, 110,
               [](std::uint64_t row) { return (row << 23) / 1000 * 1000; });
  write_column("steps", ColumnType::kUnsigned, kTime, 110, [](std::uint64_t row) { return 7 + row * 2; });

  RowGroupBuilder builder;
  builder.begin(kKindSessions, 0, 5);
  write_seed("row_group/empty", builder.finish());
  builder.begin(kKindSessions, 30, 5);
  std::vector<IpAddress> addresses(30);
  for (std::uint32_t row = 0; row < 30; ++row) {
    if (row % 3 != 0) addresses[row] = IpAddress::from_v4(0x0a000000 + row * row);
    if (row % 3 == 0) addresses[row].bytes = {static_cast<std::uint8_t>(row % 2 * 0x20), 1};
  }
  const std::vector<std::uint8_t> tails(30 * 10, 7);
  builder.add_addresses({1, "", ColumnType::kAddress, 0, {}, ""}, addresses);
  builder.add_bytes({2, "", ColumnType::kBytes, 10, {}, ""}, tails);
  write_seed("row_group/addresses_and_bytes", builder.finish());
}

void write_sessions() {
  for (const std::uint32_t rows : {1u, 3u, 60u, 300u}) {
    for (const bool extreme : {false, true}) {
      if (extreme && rows > 60) continue;
      SessionSamples samples(rows);
      SessionRowBuffer buffer(rows);
      for (std::uint32_t i = 0; i < rows; ++i)
        buffer.append(extreme ? samples.extreme() : samples.plausible());
      write_seed("session_file/" + std::string(extreme ? "extreme_" : "plausible_") + std::to_string(rows),
                 buffer.take_group(7));
    }
  }
  RowGroupBuilder builder;
  builder.begin(kKindSessions, 5, 0);
  write_seed("session_file/no_columns", builder.finish());
}

void write_ledgers() {
  for (const std::uint64_t rows : {1u, 4u, 90u}) {
    LedgerBook book(1, 2);
    for (std::uint64_t i = 0; i < rows; ++i) {
      Frame frame;
      frame.captured_bytes = static_cast<std::uint32_t>(60 + i * 7 % 1400);
      frame.wire_bytes = static_cast<std::uint32_t>(60 + i * 7 % 1450);
      LedgerCounts& counts = book.at(static_cast<TimeNs>(i) * kNsPerSecond);
      counts.add_polled(frame);
      counts.add_decoded(1);
      if (i % 5 == 0) counts.add_dropped(frame, DropCause::kNoBlock);
      if (i % 5 != 0) counts.add_stored(frame, 60);
      counts.add_in_session();
      if (i % 9 == 0) book.note_device(static_cast<TimeNs>(i) * kNsPerSecond, i * 100, i);
    }
    book.close_second();
    LedgerGroupCodec codec;
    write_seed("ledger/rows_" + std::to_string(rows), codec.encode(book.rows(), 0));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_record_seeds FOLDER\n");
    return 2;
  }
  folder = argv[1];
  for (const char* name : {"row_group", "session_file", "ledger"}) {
    std::filesystem::create_directories(folder + "/" + name);
  }
  write_row_groups();
  write_sessions();
  write_ledgers();
  std::printf("wrote %zu seeds\n", written);
  return written == 21 ? 0 : 1;
}
