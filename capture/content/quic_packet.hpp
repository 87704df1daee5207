#pragma once
// The headers of QUIC packets that are not encrypted: the long ones (RFC 9000, section 17.2; RFC 8999,
// section 5.1), of which a datagram may hold several. Any thread may call.

#include <cstdint>

#include "capture/base/bytes.hpp"

namespace tapline {

inline constexpr std::size_t kQuicConnectionIdBytesMax = 20;

enum class QuicPacketKind : std::uint8_t {
  kNone,          // no long header with a version that is known as QUIC's, or a cut one
  kOtherVersion,  // what follows the connection ids is unknown, and so is the end
  kInitial,
  kOther,  // 0-RTT, Handshake, Retry
};

struct QuicPacket {
  QuicPacketKind kind = QuicPacketKind::kNone;
  std::uint32_t version = 0;
  Bytes destination_id;
  std::size_t number_offset = 0;  // of kInitial: where the header's protected part begins, the packet number
  Bytes whole;  // from the first byte to the packet's end, by its length; without length (Retry) the rest
};

/// The packet at the beginning of `datagram`.
QuicPacket read_quic_packet(Bytes datagram) noexcept;

/// A variable-length integer (RFC 9000, section 16) at the beginning of `bytes`, which then begins behind it.
/// False, and nothing changed, where it is cut.
bool read_quic_varint(Bytes& bytes, std::uint64_t& value) noexcept;

}  // namespace tapline
