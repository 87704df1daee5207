#pragma once
// FlowHit: what the flow table says about one frame, so that storage can append it without a second look-up.

#include <cstdint>

#include "capture/packet/append_slot.hpp"
#include "capture/packet/flow_key.hpp"

namespace tapline {

/// Per frame of a burst. Frames without a session (DecodeStatus other than kIp) have a null slot.
struct FlowHit {
  AppendSlot* slot;            // this direction's; valid until the next call into the flow table
  std::uint64_t fingerprint;   // flow_fingerprint(): index key and lane choice
  ContentClass content_class;  // of this direction, as far as known
  Direction direction;
  std::uint16_t header_bytes;  // link, network and transport headers of the frame
  // Transport payload of this direction before the frame, as the headers say; stays at 2^32 - 1 from there
  // on.
  std::uint32_t payload_bytes_before;
  bool duplicate;  // a copy of a frame seen before: no session record counts it among its packets
  // A later fragment in the flow of its first one: its own bytes tell neither the fingerprint nor ports.
  bool joined = false;
};

}  // namespace tapline
