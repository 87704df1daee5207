// How little of a large session file one session costs, and that a damaged index costs reads and no session.

#include "storage/session_lookup.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/catalog.hpp"
#include "storage/file_names.hpp"
#include "storage/session_file_reader.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/read_count.hpp"
#include "tests/storage/session_samples.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::size_t kSessions = 40'000;  // an index of 70 chunks, of which a piece of 32 is read

std::string write_file(const TemporaryFolder& folder, std::vector<SessionRecord>& records) {
  SessionFileConfig config;
  config.file.directory = folder.path();
  SessionFileWriter writer(config);
  SessionSamples samples(11);
  while (records.size() < kSessions) {
    records.push_back(samples.plausible());
    REQUIRE(writer.append(records.back()).ok());
  }
  REQUIRE(writer.finish().ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() == kSessionSuffix) return entry.path();
  }
  FAIL("no session file was published");
  return {};
}

/// Bytes of the largest group, with its header.
std::uint64_t largest_group(const std::string& path) {
  const SessionFileReader file = *SessionFileReader::open(path);
  std::uint64_t largest = 0;
  for (const BlockEntry& group : file.groups())
    largest = std::max<std::uint64_t>(largest, group.stored_bytes + 136 + group.extension_bytes);
  return largest;
}

void flip(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x41);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

}  // namespace

TEST_CASE("one session of a large file costs its group and few bytes more") {
  const TemporaryFolder folder;
  std::vector<SessionRecord> records;
  const std::string path = write_file(folder, records);
  const std::uint64_t group_bytes = largest_group(path);
  CHECK(group_bytes < 80'000);
  // Segment header, tail and footer (417), a block entry (56), the index's head (704), a piece of its
  // directory (768), a chunk (4,200); of the account itself a few.
  constexpr std::uint64_t kBesideBytes = 6'300;
  std::uint64_t most_bytes = 0;
  for (std::size_t i = 0; i < records.size(); i += 997) {
    std::vector<Error> unreadable;
    std::optional<SessionRecord> found;
    const auto reads =
        test::reads_of([&] { found = find_newest_record({path}, records[i].uid, unreadable); });
    REQUIRE(found);
    CHECK(same_record(*found, records[i]));
    if (!reads) {
      WARN("skipped: the kernel does not count reads");
      return;
    }
    most_bytes = std::max(most_bytes, reads->bytes);
  }
  CHECK(most_bytes < group_bytes + kBesideBytes);
}

TEST_CASE("a damaged index of a large session file hides no session") {
  const TemporaryFolder folder;
  std::vector<SessionRecord> records;
  const std::string path = write_file(folder, records);
  const std::string index = index_path_of(path);
  const std::uint64_t bytes = std::filesystem::file_size(index);
  const std::uint64_t directory = bytes - bytes / 100;  // stands at the end, and is less than that
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::uint64_t offset = i < 40 ? directory + i * (bytes - directory) / 40 : bytes * (i - 40) / 20;
    CAPTURE(offset);
    flip(index, offset);
    for (std::size_t record = i; record < records.size(); record += 4999) {
      std::vector<Error> unreadable;
      const auto newest = find_newest_record({path}, records[record].uid, unreadable);
      REQUIRE(newest);
      REQUIRE(same_record(*newest, records[record]));
      REQUIRE(unreadable.empty());
    }
    flip(index, offset);
  }
}
