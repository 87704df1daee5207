#pragma once
// The link layer of every decoded link type, with its tags and labels. Part of the decoder, not of its
// interface.

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline::detail {

/// Decodes the frame from its first byte on; `meta` is zeroed. The long way, which knows everything.
void decode_link(const Frame& frame, PacketMeta& meta) noexcept;

}  // namespace tapline::detail
