#include "capture/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/temporary_folder.hpp"

using namespace tapline;
namespace fs = std::filesystem;

namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("a file is written, read whole, read in part, cut") {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  Result<File> file = File::create(path);
  REQUIRE(file.ok());
  CHECK(file->write_all(bytes_of("hello, wire")).ok());
  CHECK(file->sync_data().ok());
  CHECK(*file->size_bytes() == 11);

  std::array<std::uint8_t, 4> part{};
  CHECK(file->pread_exact(7, part).ok());
  CHECK(part == std::array<std::uint8_t, 4>{'w', 'i', 'r', 'e'});
  const Status beyond = file->pread_exact(9, part);
  REQUIRE_FALSE(beyond.ok());
  CHECK(beyond.error().code == ErrorCode::kCorrupt);
  CHECK(beyond.error().context == path + ": offset 11: the file ends 2 bytes too early");

  CHECK(file->truncate(5).ok());
  CHECK(*read_file(path) == bytes_of("hello"));

  Result<File> again = File::open_read(path);
  REQUIRE(again.ok());
  std::array<std::uint8_t, 16> all{};
  CHECK(*again->read(all) == 5);
  CHECK(*again->read(all) == 0);
}

TEST_CASE("a read fills its buffer from a pipe that delivers in pieces") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  File in = File::adopt(ends[0], "pipe");
  File out = File::adopt(ends[1], "pipe");
  REQUIRE(out.write_all(bytes_of("abc")).ok());
  REQUIRE(out.write_all(bytes_of("defg")).ok());
  out.close();
  CHECK_FALSE(out.is_open());
  std::array<std::uint8_t, 6> part{};
  CHECK(*in.read(part) == 6);
  CHECK(*in.read(part) == 1);
}

TEST_CASE("file errors carry the path and the system's words") {
  const TemporaryFolder folder;
  const Result<File> missing = File::open_read(folder / "missing");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().context == "cannot open " + (folder / "missing") + ": No such file or directory");
  CHECK(read_file(folder / "missing").error().code == ErrorCode::kNotFound);

  const Result<std::vector<std::uint8_t>> directory = read_file(folder.path());
  REQUIRE_FALSE(directory.ok());
  CHECK(directory.error().code == ErrorCode::kIo);
  CHECK(directory.error().context == "cannot read " + folder.path() + ": Is a directory");

  Result<File> file = File::create(folder / "a");
  REQUIRE(file.ok());
  Result<File> read_only = File::open_read(folder / "a");
  CHECK(read_only->write_all(bytes_of("x")).error().code == ErrorCode::kIo);
  CHECK(read_only->truncate(0).error().code == ErrorCode::kIo);
  CHECK(File::open_directory(folder / "missing").error().code == ErrorCode::kNotFound);

  Result<File> full = File::open_read("/dev/null");
  File closed = std::move(*full);
  closed.close();
  std::array<std::uint8_t, 1> byte{};
  CHECK(closed.read(byte).error().context.find("Bad file descriptor") != std::string::npos);
  CHECK(closed.pread_exact(0, byte).error().code == ErrorCode::kIo);
  CHECK(closed.sync_data().error().code == ErrorCode::kIo);
  CHECK(closed.size_bytes().error().code == ErrorCode::kIo);
}

TEST_CASE("files that do not know their size are read whole") {
  const Result<std::vector<std::uint8_t>> status = read_file("/proc/self/status");
  REQUIRE(status.ok());
  CHECK(std::string(status->begin(), status->end()).find("Threads:") != std::string::npos);
}

TEST_CASE("a file is not readable by others") {
  const TemporaryFolder folder;
  REQUIRE(File::create(folder / "a").ok());
  struct stat about {};
  REQUIRE(::stat((folder / "a").c_str(), &about) == 0);
  CHECK((about.st_mode & 0007) == 0);
}

TEST_CASE("a File owns its descriptor once") {
  const TemporaryFolder folder;
  Result<File> created = File::create(folder / "a");
  REQUIRE(created.ok());
  File first = *std::move(created);
  File second = File::adopt(::dup(first.descriptor()), "second");
  const int closed_by_move = second.descriptor();
  second = std::move(first);
  CHECK(::fcntl(closed_by_move, F_GETFD) == -1);
  CHECK(second.is_open());
  CHECK(second.path() == folder / "a");
}
