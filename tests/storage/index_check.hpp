#pragma once
// The index of a segment held against a full scan of its frames.

#include <string>

#include "capture/base/byte_writer.hpp"
#include "storage/frame_keys.hpp"

namespace tapline::storage {

/// Keys of an Ethernet frame, as reindex would post them.
FrameKeys keys_of(const ByteBuffer& bytes);

/// Requires that every key of every stored frame leads to the frame's block.
void check_no_false_negative(const std::string& segment_path);

}  // namespace tapline::storage
