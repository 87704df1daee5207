#include "storage/disk/disk.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "capture/base/file.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
namespace fs = std::filesystem;

namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

Status append(DiskFile& file, const std::string& text) {
  const std::vector<std::uint8_t> bytes = bytes_of(text);
  const Bytes piece(bytes);
  return file.append({&piece, 1});
}

}  // namespace

TEST_CASE("a file of the disk is appended to, cut, and opened again at its end") {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  {
    const auto file = *real_disk().create(path);
    REQUIRE(append(*file, "hello, wire").ok());
    REQUIRE(file->truncate(5).ok());
    REQUIRE(append(*file, "!").ok());
    CHECK(file->sync().ok());
  }
  CHECK(*read_file(path) == bytes_of("hello!"));
  const auto file = *real_disk().open(path);
  REQUIRE(append(*file, "?").ok());
  CHECK(*read_file(path) == bytes_of("hello!?"));
  CHECK(real_disk().open(folder / "missing").error().code == ErrorCode::kNotFound);
}

TEST_CASE("names are made, changed, removed") {
  const TemporaryFolder folder;
  REQUIRE(real_disk().make_directory(folder / "a/b").ok());
  REQUIRE(real_disk().create(folder / "a/b/1").ok());
  REQUIRE(real_disk().rename_durably(folder / "a/b/1", folder / "a/b/2").ok());
  CHECK_FALSE(fs::exists(folder / "a/b/1"));
  CHECK(real_disk().remove(folder / "a/b/2").ok());
  CHECK(real_disk().remove(folder / "a/b/2").ok());
  CHECK_FALSE(real_disk().remove(folder / "a/b").ok());
  CHECK(real_disk().rename(folder / "none", folder / "a").error().code == ErrorCode::kIo);
  CHECK(real_disk().sync_directory(folder / "none").error().code == ErrorCode::kNotFound);
}

TEST_CASE("a full disk has an error code of its own") {
  const auto full = real_disk().open("/dev/full");
  if (!full) {
    WARN("skipped: no /dev/full");
    return;
  }
  CHECK(append(**full, "x").error().code == ErrorCode::kNoSpace);
}

TEST_CASE("publishing replaces a file and leaves no draft") {
  const TemporaryFolder folder;
  REQUIRE(publish_file(folder / "a", bytes_of("old")).ok());
  REQUIRE(publish_file(folder / "a", bytes_of("new")).ok());
  CHECK(*read_file(folder / "a") == bytes_of("new"));
  CHECK_FALSE(fs::exists(folder / "a.tmp"));

  fs::create_directory(folder / "taken");
  const Status refused = publish_file(folder / "taken", bytes_of("x"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().context.find((folder / "taken")) != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "taken.tmp"));
  CHECK_FALSE(publish_file(folder / "missing/a", bytes_of("x")).ok());
}
