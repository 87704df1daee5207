// Paths: what cannot be opened, what is no capture, and names that lie.

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "capture/files/file_source.hpp"
#include "tests/capture/capture_image.hpp"
#include "tests/capture/memory_source.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;

namespace {

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Error open_error(const std::string& path) {
  const Result<std::unique_ptr<FrameSource>> source = open_capture_file(path);
  REQUIRE_FALSE(source.ok());
  return source.error();
}

}  // namespace

TEST_CASE("what is inside decides, not the name") {
  const TemporaryFolder folder;
  const std::vector<ContractFrame> frames = random_frames(1, 100, 100);
  const ByteBuffer plain = pcap_image(frames, {});
  for (const std::string& path : {folder.write("a.pcapng.zst", plain), folder.write("a.pcap", gzip(plain)),
                                  folder.write("a.gz", zstd(plain)), folder.write("a", zstd(gzip(plain)))}) {
    const auto open = [&] {
      Result<std::unique_ptr<FrameSource>> source = open_capture_file(path);
      if (!source) FAIL(source.error().context);
      return *std::move(source);
    };
    FrameSourceContract(open, frames).check();
  }
}

TEST_CASE("progress counts the bytes of the file as it is on disk") {
  const TemporaryFolder folder;
  const std::vector<ContractFrame> frames = random_frames(2, 3'000, 1'000);
  for (const ByteBuffer& image : {pcap_image(frames, {}), gzip(pcap_image(frames, {}))}) {
    const std::string path = folder.write("a", image);
    Result<std::unique_ptr<FrameSource>> source = open_capture_file(path);
    REQUIRE(source.ok());
    CHECK((*source)->progress().total_bytes == image.size());
    std::array<Frame, kBurstFramesMax> burst;
    std::uint64_t before = 0;
    for (bool end = false; !end;) {
      end = (*source)->poll(burst)->end;
      const SourceProgress progress = (*source)->progress();
      CHECK(progress.consumed_bytes >= before);
      CHECK(progress.consumed_bytes <= image.size());
      before = progress.consumed_bytes;
    }
    CHECK(before == image.size());
  }
}

TEST_CASE("what is no capture is refused with its first bytes") {
  const TemporaryFolder folder;
  struct Row {
    std::string content;
    ErrorCode code;
    std::string what;
  };
  const std::vector<Row> rows = {
      {"", ErrorCode::kCorrupt, ": is empty, not a capture file"},
      {"\xd4", ErrorCode::kCorrupt, ": is not a capture file: begins with d4"},
      {"#!/bin/sh\n", ErrorCode::kCorrupt, ": is not a capture file: begins with 23 21 2f 62 69 6e 2f 73"},
      {std::string("snoop\0\0\0", 8), ErrorCode::kUnsupported,
       ": is a snoop capture; pcap, pcapng, gzip and zstd are read"},
      {"PK\x03\x04....", ErrorCode::kUnsupported, ": is a zip archive; pcap, pcapng, gzip and zstd are read"},
      {"\xfd"
       "7zXZ",
       ErrorCode::kUnsupported, ": is xz data; pcap, pcapng, gzip and zstd are read"},
      {"\xd4\xc3\xb2\xa1\x02", ErrorCode::kCorrupt, ": offset 0: the file ends within the pcap file header"},
  };
  for (const Row& row : rows) {
    const std::string path = folder.write("a", bytes_of(row.content));
    const Error error = open_error(path);
    CHECK(error.code == row.code);
    CHECK(error.context == path + row.what);
  }
  const std::string path = folder.write("a.gz", gzip(bytes_of("text, no capture")));
  CHECK(open_error(path).context ==
        path + " (decompressed): is not a capture file: begins with 74 65 78 74 2c 20 6e 6f");
  const std::string empty = folder.write("b.gz", gzip({}));
  CHECK(open_error(empty).context == empty + " (decompressed): is empty, not a capture file");
}

TEST_CASE("what cannot be read is refused in the system's words") {
  const TemporaryFolder folder;
  const std::string missing = folder.path() + "/missing";
  CHECK(open_error(missing).code == ErrorCode::kNotFound);
  CHECK(open_error(missing).context == "cannot open " + missing + ": No such file or directory");
  CHECK(open_error(folder.path()).code == ErrorCode::kIo);
  CHECK(open_error(folder.path()).context == "cannot read " + folder.path() + ": Is a directory");

  const int saved = ::dup(STDIN_FILENO);
  ::close(STDIN_FILENO);
  const Error closed = open_error("-");
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  CHECK(closed.code == ErrorCode::kIo);
  CHECK(closed.context == "cannot read standard input: Bad file descriptor");
}
