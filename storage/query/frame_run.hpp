#pragma once
// FrameRun: frames that follow each other in an answer and come out of one block, so that whoever takes an
// answer pays for runs what he would else pay for frames. A view: valid as long as who gives it says.
//
// In front of the bytes of every frame stands its record header as a pcap file with nanoseconds has it
// (FORMAT.md, "Packet segments"): seconds modulo 2^32, nanoseconds, captured bytes, wire bytes.

#include <span>

#include "capture/base/bytes.hpp"
#include "capture/packet/frame.hpp"
#include "storage/format.hpp"

namespace tapline::query {

struct FrameRun {
  std::span<const Frame> frames;  // at least one; all of one link type and port
  const storage::BlockHeader* block = nullptr;
};

/// A frame of a FrameRun, with its record header in front.
inline Bytes record_of(const Frame& frame) {
  return {frame.data - storage::kPcapRecordHeaderBytes,
          storage::kPcapRecordHeaderBytes + std::size_t{frame.captured_bytes}};
}

}  // namespace tapline::query
