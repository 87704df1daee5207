#pragma once
// The frames of a decoded packet block, with their capture times and order keys.

#include <vector>

#include "capture/packet/frame.hpp"
#include "storage/container_reader.hpp"

namespace tapline::storage {

/// Replaces `frames` by views into block.content, in the order they were stored: order keys ascend, the first
/// and the last are those of the block's header. kCorrupt where records, extension and header contradict each
/// other in that or in anything else, or a record has a time that there is not: what stands in front of each
/// frame's bytes is its record header, fit for a pcap file. `segment` gives link type and port.
Status parse_frames(const DecodedBlock& block, const SegmentHeader& segment, std::vector<Frame>& frames);

}  // namespace tapline::storage
