#include "storage/disk/stream_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/temporary_folder.hpp"

using namespace tapline;

namespace {

/// Keeps writes back until they are waited for, does the last one first, and fails as it is told to.
class ContraryWrites : public WriteQueue {
 public:
  struct Orders {
    int begun = 0;
    std::optional<int> refuse;   // begin() of this one is false
    std::optional<int> fail;     // this one fails with EIO, and nothing of it is written
    std::optional<int> shorten;  // of this one, one sector less is written
  };
  explicit ContraryWrites(Orders& orders) : orders_(orders) {}

  bool begin(const QueuedWrite& write) override {
    const int number = orders_.begun++;
    if (orders_.refuse == number) return false;
    under_way_.push_back({number, write});
    return true;
  }

  QueuedWriteResult wait() override {
    const auto [number, write] = under_way_.back();
    under_way_.pop_back();
    if (orders_.fail == number) return {write.tag, -EIO};
    const std::size_t bytes = write.bytes.size() - (orders_.shorten == number ? 512 : 0);
    return {write.tag,
            ::pwrite(write.descriptor, write.bytes.data(), bytes, static_cast<off_t>(write.offset))};
  }

 private:
  Orders& orders_;
  std::deque<std::pair<int, QueuedWrite>> under_way_;
};

std::vector<std::uint8_t> noise(std::mt19937& random, std::size_t bytes) {
  std::vector<std::uint8_t> out(bytes);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

Status append(DiskFile& file, const std::vector<std::uint8_t>& bytes) {
  const Bytes all(bytes);
  const Bytes pieces[] = {all.first(bytes.size() / 3), {}, all.subspan(bytes.size() / 3)};
  return file.append(pieces);
}

/// The file holds `expected`, and behind it zeroes: what its length is ahead.
void check_content(const std::string& path, const std::vector<std::uint8_t>& expected) {
  std::vector<std::uint8_t> found = *read_file(path);
  REQUIRE(found.size() >= expected.size());
  REQUIRE(found.size() <= 2 * expected.size() + StreamFile::kAheadBytesMin + StreamFile::kBufferBytes);
  const bool zeroes = std::all_of(found.begin() + static_cast<std::ptrdiff_t>(expected.size()), found.end(),
                                  [](std::uint8_t byte) { return byte == 0; });
  CHECK(zeroes);
  found.resize(expected.size());
  CHECK((found == expected));  // without printing megabytes
}

/// Any appends, flushes, syncs and cuts leave what an ordinary file would hold, and its length is ahead of
/// that within `allocated_bytes`.
void follow_a_model(std::unique_ptr<WriteQueue> queue, std::uint64_t allocated_bytes) {
  const TemporaryFolder folder;
  const std::string path = folder / "stream";
  Result<std::unique_ptr<DiskFile>> made = StreamFile::create(path, std::move(queue));
  if (!made && made.error().code == ErrorCode::kUnsupported) {
    WARN("skipped: " << made.error().context);
    return;
  }
  REQUIRE(made.ok());
  DiskFile& file = **made;
  if (allocated_bytes > 0) REQUIRE(file.allocate(allocated_bytes).ok());
  std::mt19937 random(7);
  std::vector<std::uint8_t> model;
  for (int step = 0; step < 400; ++step) {
    const unsigned what = random() % 16;
    if (what < 11) {
      const std::size_t most = what == 0 ? 3 * StreamFile::kBufferBytes : what < 6 ? 70'000 : 700;
      const std::vector<std::uint8_t> bytes = noise(random, random() % most);
      REQUIRE(append(file, bytes).ok());
      model.insert(model.end(), bytes.begin(), bytes.end());
      continue;
    }
    if (what == 15) {
      // Sometimes far back, mostly near the end.
      const std::size_t least =
          random() % 4 == 0 ? 0 : model.size() - std::min<std::size_t>(model.size(), 5000);
      model.resize(least + random() % (model.size() - least + 1));
      REQUIRE(file.truncate(model.size()).ok());
      CHECK(std::filesystem::file_size(path) == model.size());
    } else {
      REQUIRE((what < 13 ? file.flush() : file.sync()).ok());
    }
    check_content(path, model);
  }
  REQUIRE(file.truncate(model.size()).ok());
  REQUIRE(file.sync().ok());
  CHECK((*read_file(path) == model));
}

}  // namespace

TEST_CASE("a stream written by io_uring holds what an ordinary file would") {
  std::unique_ptr<WriteQueue> queue = make_uring_writes(StreamFile::kBuffers);
  if (queue == nullptr) {
    WARN("skipped: the kernel has no io_uring for us");
    return;
  }
  follow_a_model(std::move(queue), GENERATE(0u, 5u << 20));
}

TEST_CASE("a stream written by threads holds what an ordinary file would") {
  follow_a_model(make_thread_writes(StreamFile::kBuffers), 40u << 20);
}

TEST_CASE(
    "a stream whose writes end in the wrong order, short or refused holds what an ordinary file would") {
  ContraryWrites::Orders orders;
  orders.shorten = 5;
  orders.refuse = 9;
  follow_a_model(std::make_unique<ContraryWrites>(orders), 5u << 20);
  CHECK(orders.begun > 10);
}

TEST_CASE("the disk's own streams are read back, whatever it has to write them with") {
  const TemporaryFolder folder;
  const auto file = *real_disk().create_stream(folder / "a");
  REQUIRE(file->allocate(4u << 20).ok());
  REQUIRE(append(*file, {'t', 'a', 'p'}).ok());
  REQUIRE(file->flush().ok());
  CHECK(std::filesystem::file_size(folder / "a") <= kSyncUnitMax);  // who sees the file sees its beginning
  check_content(folder / "a", {'t', 'a', 'p'});
  REQUIRE(file->truncate(3).ok());
  CHECK(std::filesystem::file_size(folder / "a") == 3);
  struct stat about {};
  REQUIRE(::stat((folder / "a").c_str(), &about) == 0);
  CHECK(about.st_blocks * 512 < (1 << 20));  // what was taken and not used is given back
}

TEST_CASE("a write that fails is told once it is known, and the file can be cut in front of it") {
  const TemporaryFolder folder;
  const std::string path = folder / "stream";
  ContraryWrites::Orders orders;
  Result<std::unique_ptr<DiskFile>> made = StreamFile::create(path, std::make_unique<ContraryWrites>(orders));
  if (!made) {
    WARN("skipped: " << made.error().context);
    return;
  }
  DiskFile& file = **made;
  std::mt19937 random(3);
  const std::vector<std::uint8_t> kept = noise(random, 5 * 4096);
  REQUIRE(append(file, kept).ok());
  REQUIRE(file.sync().ok());

  orders.fail = orders.begun + 1;
  const std::vector<std::uint8_t> more = noise(random, 4 * StreamFile::kBufferBytes);
  static_cast<void>(append(file, more).ok());  // the failure may not be known yet
  const Status synced = file.sync();
  REQUIRE_FALSE(synced.ok());
  CHECK(synced.error().context.find(path) != std::string::npos);
  CHECK_FALSE(append(file, more).ok());
  CHECK_FALSE(file.flush().ok());
  // Behind what failed, nothing can be kept.
  CHECK_FALSE(file.truncate(kept.size() + 2 * StreamFile::kBufferBytes).ok());
  CHECK_FALSE(file.sync().ok());

  REQUIRE(file.truncate(kept.size()).ok());
  CHECK((*read_file(path) == kept));
  REQUIRE(append(file, {'e', 'n', 'd'}).ok());
  REQUIRE(file.truncate(kept.size() + 3).ok());
  REQUIRE(file.sync().ok());
  CHECK(std::filesystem::file_size(path) == kept.size() + 3);
}

TEST_CASE("a folder that is not there is an error, and no ordinary file is tried in its place") {
  CHECK(StreamFile::create("/nonexistent/stream", make_thread_writes(1)).error().code ==
        ErrorCode::kNotFound);
  CHECK(real_disk().create_stream("/nonexistent/stream").error().code == ErrorCode::kNotFound);
  CHECK(StreamFile::create("/nonexistent/stream", nullptr).error().code == ErrorCode::kUnsupported);
}
