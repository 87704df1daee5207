#pragma once
// A frame while its link layer is walked, and the walks that several link types share. Part of the decoder,
// not of its interface.

#include <cstdint>

#include "capture/packet/decode_ip.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline::detail {

/// Tags, labels, PPPoE and inner Ethernet headers of one frame, or fields of one header; what has more is not
/// a frame that anybody sent on purpose. With kLinkHeaderBytesMax it keeps the offset of the IP header small.
inline constexpr int kLinkLayersMax = 64;

/// Where the last of the headers that give their own length (radiotap, PPI, ...) ends; in practice they have
/// some hundred bytes.
inline constexpr std::uint32_t kLinkHeaderBytesMax = 8192;

inline constexpr std::uint32_t kEthernetBytes = 14;

/// IEEE 802.3: a type field below 0x0600 is a length, LLC follows.
inline constexpr std::uint16_t kLengthMax = 0x05ff;

enum class EnvelopeKind : std::uint64_t { kVlan = 1, kMpls = 2, kPppoe = 3, kBackbone = 4 };

/// What comes next is at `at`, which never passes captured_bytes.
struct LinkWalk {
  const Frame& frame;
  PacketMeta& meta;
  std::uint32_t at;
  std::uint64_t envelope = 0;

  const std::uint8_t* bytes() const { return frame.data + at; }
  bool captured(std::uint32_t count) const { return frame.captured_bytes - at >= count; }
  void stop(DecodeStatus status) const { stop_at(frame, meta, at, status); }

  // Only compared with the previous frame's, never stored: any good mix will do.
  void add_to_envelope(EnvelopeKind kind, std::uint32_t value) {
    envelope = (envelope ^ (static_cast<std::uint64_t>(kind) << 32 | value)) * 0x9e37'79b9'7f4a'7c15;
    envelope ^= envelope >> 32;
    const auto hash = static_cast<std::uint32_t>(envelope);
    meta.envelope_hash = hash != 0 ? hash : 1;
  }
};

// Readers leave walk.at behind their header; false: the walk has ended, and the status is set. Decoders go to
// the end.

/// `count` bytes of a header.
bool skip_header(LinkWalk& walk, std::uint32_t count);

/// The PPP protocol, one or two bytes (RFC 1661, 6.5), into meta.ethertype.
bool read_ppp_protocol(LinkWalk& walk);

/// meta.ethertype is what comes next: an Ethernet type, or a length.
void read_layers(LinkWalk& walk);

/// `ethertype` is what comes next; lengths have no meaning here.
void read_layers_of_type(LinkWalk& walk, std::uint16_t ethertype);

/// IEEE 802.2 and what it carries.
void decode_llc(LinkWalk& walk);

void decode_ethernet(LinkWalk& walk);

// Serial lines: decode_serial.cpp.
void decode_ppp(LinkWalk& walk);
void decode_cisco_hdlc(LinkWalk& walk);
void decode_frame_relay(LinkWalk& walk);

// IEEE 802.11, bare and behind what capture programs put before it: decode_wifi.cpp.
void decode_wifi(LinkWalk& walk);
void decode_radiotap(LinkWalk& walk);
void decode_prism(LinkWalk& walk);
void decode_avs(LinkWalk& walk);

}  // namespace tapline::detail
