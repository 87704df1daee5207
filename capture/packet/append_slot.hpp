#pragma once
// AppendSlot: what storage needs to know per flow and direction. It lives in the flow, in a line that flowgen
// writes anyway, but belongs to storage: flowgen zeroes it when the flow begins and reads nothing of it but
// app_evidence.

#include <cstdint>

namespace tapline {

struct AppendSlot {
  std::uint32_t block_generation;  // block buffer of this direction's previous frame; 0: none yet
  std::uint32_t previous_offset;   // where in that block its pcap record begins
  std::uint32_t envelope_hash;     // of the last frame posted to the index
  std::uint8_t lane;
  // The sensor's: which rule says how much of this direction is stored, from 1 on; 0: not decided yet.
  std::uint8_t cutoff_rule;
  // flowgen's, for want of room elsewhere in the line: AppEvidence of this direction's first payload.
  std::uint8_t app_evidence;
  std::uint8_t reserved;
};
static_assert(sizeof(AppendSlot) == 16);

/// What a direction of a flow carries, as far as it has been seen. Chooses the kind of lane.
enum class ContentClass : std::uint8_t {
  kClear = 0,   // compresses, or not known yet
  kOpaque = 1,  // encrypted or already compressed: compression would be wasted
};

}  // namespace tapline
