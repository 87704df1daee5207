#include "tests/disk/fault_disk.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "capture/base/file.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::test;
namespace fs = std::filesystem;

namespace {

Status append(DiskFile& file, const std::string& text) {
  const Bytes piece(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  return file.append({&piece, 1});
}

std::string content(const std::string& path) {
  const Result<std::vector<std::uint8_t>> bytes = read_file(path);
  return bytes ? std::string(bytes->begin(), bytes->end()) : "none";
}

/// A folder with a disk over one of its own, and images beside that.
struct Rig {
  TemporaryFolder folder;
  FaultDisk disk{folder / "disk"};
  int images = 0;

  Rig() { fs::create_directory(folder / "disk"); }
  std::string path(const std::string& name) const { return folder / "disk/" + name; }
  /// What a cut after everything so far leaves of `name`.
  std::string left(const std::string& name, const Survival& survival) {
    const std::string image = folder / std::to_string(images++);
    disk.write_image(disk.operations().size(), survival, image);
    return content(image + "/" + name);
  }
};

constexpr Survival kSynced{Survival::Content::kSynced, 0, 1, true};
constexpr Survival kOldNames{Survival::Content::kAll, 0, 1, false};

}  // namespace

TEST_CASE("what was not synced is gone after a power cut, what was is not") {
  Rig rig;
  const auto file = *rig.disk.create(rig.path("a"));
  REQUIRE(append(*file, "one").ok());
  CHECK(rig.left("a", kSynced).empty());
  CHECK(rig.left("a", kOldNames) == "none");
  REQUIRE(file->sync().ok());
  REQUIRE(rig.disk.sync_directory(rig.folder / "disk").ok());
  REQUIRE(append(*file, "two").ok());
  CHECK(rig.left("a", kSynced) == "one");
  CHECK(rig.left("a", {}) == "onetwo");
  CHECK(rig.left("a", {Survival::Content::kTorn, 1, 1, true}) == "onet");
  CHECK(rig.left("a", {Survival::Content::kLengthOnly, 0, 1, true}) == std::string("one\0\0\0", 6));
  REQUIRE(rig.disk.rename(rig.path("a"), rig.path("b")).ok());
  CHECK(rig.left("a", kOldNames) == "onetwo");
  CHECK(rig.left("b", kOldNames) == "none");
  CHECK(rig.left("b", {}) == "onetwo");
  REQUIRE(rig.disk.sync_directory(rig.folder / "disk").ok());
  CHECK(rig.left("a", kOldNames) == "none");
  REQUIRE(rig.disk.remove(rig.path("b")).ok());
  CHECK(rig.left("b", {}) == "none");
  CHECK(rig.left("b", kOldNames) == "onetwo");
}

TEST_CASE("sectors that were not synced are there or not, each for itself") {
  Rig rig;
  const auto file = *rig.disk.create(rig.path("a"));
  REQUIRE(append(*file, std::string(512, 'x')).ok());
  REQUIRE(file->sync().ok());
  REQUIRE(append(*file, std::string(512 * 20, 'y')).ok());
  const std::string left = rig.left("a", {Survival::Content::kSectors, 0, 7, true});
  REQUIRE(left.size() == 512 * 21);
  CHECK(left.substr(0, 512) == std::string(512, 'x'));
  int lost = 0;
  for (std::size_t at = 512; at < left.size(); at += 512) {
    const std::string sector = left.substr(at, 512);
    lost += sector == std::string(512, '\0') ? 1 : 0;
    CHECK((sector == std::string(512, '\0') || sector == std::string(512, 'y')));
  }
  CHECK(lost > 3);
  CHECK(lost < 17);
}

TEST_CASE("the disk fails where and when it is told to, and leaves half of what it was given") {
  Rig rig;
  const auto a = *rig.disk.create(rig.path("a"));
  const auto b = *rig.disk.create(rig.path("b"));
  rig.disk.fail(rig.path("a"), ErrorCode::kNoSpace);
  CHECK(append(*a, "1234").error().code == ErrorCode::kNoSpace);
  CHECK(append(*b, "1234").ok());
  CHECK(rig.disk.create(rig.path("a")).error().code == ErrorCode::kNoSpace);
  rig.disk.heal();
  CHECK(content(rig.path("a")) == "12");
  CHECK(append(*a, "3").ok());
  rig.disk.fail_once(1, ErrorCode::kIo);
  CHECK(append(*a, "4").ok());
  CHECK(b->sync().error().code == ErrorCode::kIo);
  CHECK(b->sync().ok());
  CHECK(content(rig.path("a")) == "1234");
}

TEST_CASE("a failed sync drops what was written since the last good one") {
  Rig rig;
  const auto file = *rig.disk.create(rig.path("a"));
  REQUIRE(append(*file, "ab").ok());
  REQUIRE(file->sync().ok());
  REQUIRE(append(*file, "cd").ok());
  rig.disk.fail_syncs(rig.path("a"));
  CHECK(file->sync().error().code == ErrorCode::kIo);
  CHECK(append(*file, "ef").ok());
  CHECK(content(rig.path("a")) == std::string("ab\0\0ef", 6));
}
