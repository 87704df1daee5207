#include "storage/store.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <catch2/catch.hpp>
#include <climits>
#include <filesystem>

#include "storage/text_record.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

TEST_CASE("a new store has its folders, its marker and its sensor's id") {
  const TemporaryFolder folder;
  const std::string path = folder / "deep/store";
  const Result<Store> store = Store::open_or_create(path, "north");
  REQUIRE(store.ok());
  for (const std::string& directory : {store->packets_directory(), store->sessions_directory(),
                                       store->ledger_directory(), store->sources_directory()}) {
    CHECK(fs::is_directory(directory));
  }
  CHECK(store->sensor_name() == "north");
  CHECK(store->sensor_id() == XXH3_64bits("north", 5));
}

TEST_CASE("a store keeps its sensor name, whatever it is opened with") {
  const TemporaryFolder folder;
  REQUIRE(Store::open_or_create(folder.path(), "north").ok());
  CHECK(Store::open_or_create(folder.path(), "south")->sensor_name() == "north");
  CHECK(Store::open(folder.path())->sensor_name() == "north");
}

TEST_CASE("a new store without a sensor name has the host's") {
  const TemporaryFolder folder;
  char host[HOST_NAME_MAX + 1] = {};
  REQUIRE(::gethostname(host, sizeof host) == 0);
  CHECK(Store::open_or_create(folder.path(), "")->sensor_name() == host);
}

TEST_CASE("the sensor's id is the same when the store is made and when it is opened") {
  const TemporaryFolder folder;
  const std::string name = GENERATE("two\nlines", " spaces ", "", "name = value");
  const Result<Store> made = Store::open_or_create(folder.path(), name);
  const Result<Store> opened = Store::open(folder.path());
  REQUIRE(opened.ok());
  CHECK(made->sensor_name() == opened->sensor_name());
  CHECK(made->sensor_id() == opened->sensor_id());
}

TEST_CASE("a missing folder, an empty one and a foreign one are not stores") {
  const TemporaryFolder folder;
  const Result<Store> missing = Store::open(folder / "none");
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().context.find("--store") != std::string::npos);
  CHECK(Store::open(folder.path()).error().code == ErrorCode::kNotFound);
  REQUIRE(File::create(folder / "holiday.jpg").ok());
  const Result<Store> foreign = Store::open_or_create(folder.path(), "s");
  CHECK(foreign.error().code == ErrorCode::kInvalid);
  CHECK_FALSE(fs::exists(folder / "packets"));
}

TEST_CASE("a store whose making was interrupted is made again") {
  const TemporaryFolder folder;
  REQUIRE(File::create(folder / "tapline-store.tmp").ok());
  CHECK(Store::open_or_create(folder.path(), "s").ok());
}

TEST_CASE("a store of a newer format is refused by name and number") {
  const TemporaryFolder folder;
  TextRecord marker;
  marker.set("format", "3");
  marker.set("sensor", "s");
  REQUIRE(marker.publish(real_disk(), folder / "tapline-store").ok());
  for (const Result<Store>& store : {Store::open(folder.path()), Store::open_or_create(folder.path(), "s")}) {
    REQUIRE_FALSE(store.ok());
    CHECK(store.error().code == ErrorCode::kUnsupported);
    CHECK(store.error().context ==
          folder.path() + ": the store has format 3; this program reads up to 2: use a newer tapline");
  }
}

TEST_CASE("a damaged marker is an error, not a new store") {
  const TemporaryFolder folder;
  for (const std::string text : {"", "format = \n", "format = x\n", "hello\n", "sensor = s\n"}) {
    REQUIRE(publish_file(folder / "tapline-store",
                         {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()})
                .ok());
    CAPTURE(text);
    CHECK(Store::open(folder.path()).error().code == ErrorCode::kCorrupt);
    CHECK(Store::open_or_create(folder.path(), "s").error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("a second process that wants to write is refused and told who writes") {
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder.path(), "s");
  const Result<StoreLock> lock = StoreLock::acquire(*store);
  REQUIRE(lock.ok());
  const std::string expected = folder.path() + " is being written by process " + std::to_string(::getpid()) +
                               ": a store has one writer at a time";
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Result<StoreLock> second = StoreLock::acquire(*store);
    const bool refused =
        !second && second.error().code == ErrorCode::kBusy && second.error().context == expected;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a lock ends with its holder, and a shorter pid leaves nothing of a longer one") {
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder.path(), "s");
  const std::string old_pid = "99999999999";
  REQUIRE(
      publish_file(folder / "lock", {reinterpret_cast<const std::uint8_t*>(old_pid.data()), old_pid.size()})
          .ok());
  for (int i = 0; i < 2; ++i) {
    const Result<StoreLock> lock = StoreLock::acquire(*store);
    REQUIRE(lock.ok());
    CHECK(StoreLock::acquire(*store).error().code == ErrorCode::kBusy);
    const std::vector<std::uint8_t> pid = *read_file(folder / "lock");
    CHECK(std::string(pid.begin(), pid.end()) == std::to_string(::getpid()));
  }
}

TEST_CASE("a text record keeps names, values and their order") {
  const TemporaryFolder folder;
  TextRecord record;
  record.set("b", "two words");
  record.set("a", "= odd = value");
  record.set("n", "-5");
  record.set("b", "changed\nin one line");
  record.set("empty", "");
  REQUIRE(record.publish(real_disk(), folder / "r").ok());
  const std::vector<std::uint8_t> bytes = *read_file(folder / "r");
  CHECK(std::string(bytes.begin(), bytes.end()) ==
        "b = changed in one line\na = = odd = value\nn = -5\nempty = \n");
  const Result<TextRecord> loaded = TextRecord::load(folder / "r");
  REQUIRE(loaded.ok());
  CHECK(loaded->text("b") == "changed in one line");
  CHECK(loaded->text("a") == "= odd = value");
  CHECK(loaded->text("empty").empty());
  CHECK(loaded->text("missing").empty());
  CHECK(*loaded->signed_number("n") == -5);
}

TEST_CASE("numbers of a text record are whole or an error that names file and value") {
  const TemporaryFolder folder;
  TextRecord record;
  record.set("max", "18446744073709551615");
  record.set("over", "18446744073709551616");
  record.set("minus", "-1");
  record.set("text", "12 apples");
  REQUIRE(record.publish(real_disk(), folder / "r").ok());
  const Result<TextRecord> loaded = TextRecord::load(folder / "r");
  CHECK(*loaded->number("max") == UINT64_MAX);
  for (const char* name : {"over", "minus", "text", "missing"}) {
    const Result<std::uint64_t> number = loaded->number(name);
    REQUIRE_FALSE(number.ok());
    CHECK(number.error().code == ErrorCode::kCorrupt);
    CHECK(number.error().context.find(folder / "r") == 0);
    CHECK(number.error().context.find(name) != std::string::npos);
  }
}

TEST_CASE("a text record that is missing, malformed or too long is refused") {
  const TemporaryFolder folder;
  CHECK(TextRecord::load(folder / "none").error().code == ErrorCode::kNotFound);
  const std::string bad = "a = 1\nb: 2\n";
  REQUIRE(publish_file(folder / "bad", {reinterpret_cast<const std::uint8_t*>(bad.data()), bad.size()}).ok());
  const Result<TextRecord> malformed = TextRecord::load(folder / "bad");
  CHECK(malformed.error().code == ErrorCode::kCorrupt);
  CHECK(malformed.error().context.find("'b: 2'") != std::string::npos);
  // Refused by its size, not by reading it: 1 TiB without a block on disk.
  REQUIRE(File::create(folder / "huge")->truncate(std::uint64_t{1} << 40).ok());
  CHECK(TextRecord::load(folder / "huge").error().code == ErrorCode::kCorrupt);
}

TEST_CASE("readers see the writer without taking its lock, from this process and from others") {
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder.path(), "s");
  const auto writer = [&] {
    const Result<std::optional<std::string>> found = find_writer(*store);
    REQUIRE(found.ok());
    return *found;
  };
  CHECK_FALSE(writer().has_value());  // nobody has ever written
  {
    const Result<StoreLock> lock = StoreLock::acquire(*store);
    REQUIRE(lock.ok());
    CHECK(writer() == std::to_string(::getpid()));
    CHECK(writer() == std::to_string(::getpid()));
  }
  CHECK_FALSE(writer().has_value());
  CHECK(StoreLock::acquire(*store).ok());
}

TEST_CASE("the mount point of a new file system is as good as an empty directory") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "lost+found");
  CHECK(Store::open_or_create(folder.path(), "north").ok());
  const TemporaryFolder other;
  std::filesystem::create_directories(other / "lost+found");
  std::filesystem::create_directories(other / "home");
  CHECK(Store::open_or_create(other.path(), "north").error().code == ErrorCode::kInvalid);
}

TEST_CASE(
    "a writer killed before the marker leaves directories that the next one takes, but only empty ones") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "packets");
  std::filesystem::create_directories(folder / "ledger");
  CHECK(Store::open(folder.path()).error().code == ErrorCode::kNotFound);
  REQUIRE(File::create(folder / "packets/of-somebody-else").ok());
  CHECK(Store::open_or_create(folder.path(), "north").error().code == ErrorCode::kInvalid);
  std::filesystem::remove(folder / "packets/of-somebody-else");
  REQUIRE(Store::open_or_create(folder.path(), "north").ok());
  CHECK(std::filesystem::is_directory(folder / "sources"));
}
