#pragma once
// Segments in a folder as a test sees them: written from made-up traffic, read back frame by frame.

#include <string>
#include <string_view>
#include <vector>

#include "storage/file_names.hpp"
#include "tests/storage/traffic.hpp"

namespace tapline::storage {

/// What comes back out of a segment.
struct StoredFrame {
  ByteBuffer bytes;
  TimeNs time_ns = 0;
  std::uint32_t wire_bytes = 0;
  OrderKey order;
  std::uint32_t block = 0;
  std::uint16_t lane = 0;
};

/// Every frame of one finished or open segment, block by block.
std::vector<StoredFrame> read_segment(const std::string& path);
/// Every frame of all segments in `directory`, sorted by order key.
std::vector<StoredFrame> read_directory(const std::string& directory);
/// Paths of the files in `directory` whose names end with `suffix`, sorted.
std::vector<std::string> list_files(const std::string& directory, std::string_view suffix);

/// The only file in `directory` that ends with `suffix`.
std::string only_file(const std::string& directory, std::string_view suffix);

/// Writes `frames` as segments into `directory` and finishes them.
void write_segments(const std::string& directory, const std::vector<TestFrame>& frames,
                    FrameSegmentConfig config = {});

bool same_frame(const StoredFrame& stored, const TestFrame& frame);

}  // namespace tapline::storage
