#include "capture/content/quic_packet.hpp"

#include "capture/content/quic_keys.hpp"

namespace tapline {
namespace {

// One byte of length and a connection id.
bool take_id(Bytes& rest, std::size_t bytes_max, Bytes& id) {
  if (rest.empty() || rest[0] > bytes_max || rest.size() < 1u + rest[0]) return false;
  id = rest.subspan(1, rest[0]);
  rest = rest.subspan(1u + id.size());
  return true;
}

bool take_vector(Bytes& rest) {
  std::uint64_t bytes = 0;
  if (!read_quic_varint(rest, bytes) || bytes > rest.size()) return false;
  rest = rest.subspan(static_cast<std::size_t>(bytes));
  return true;
}

enum LongType : std::uint8_t { kTypeInitial, kTypeZeroRtt, kTypeHandshake, kTypeRetry };

// RFC 9369, section 3.2: version 2 has turned the numbers by one.
LongType long_type(std::uint8_t first_byte, std::uint32_t version) {
  const int number = first_byte >> 4 & 3;
  return static_cast<LongType>(version == kQuicV2 ? (number + 3) & 3 : number);
}

}  // namespace

bool read_quic_varint(Bytes& bytes, std::uint64_t& value) noexcept {
  if (bytes.empty()) return false;
  const std::size_t count = std::size_t{1} << (bytes[0] >> 6);
  if (bytes.size() < count) return false;
  value = bytes[0] & 0x3f;
  for (std::size_t i = 1; i < count; ++i) value = value << 8 | bytes[i];
  bytes = bytes.subspan(count);
  return true;
}

QuicPacket read_quic_packet(Bytes datagram) noexcept {
  constexpr std::size_t kVersionEnd = 5;
  constexpr std::uint8_t kLongHeader = 0x80;
  QuicPacket packet;
  if (datagram.size() < kVersionEnd || (datagram[0] & kLongHeader) == 0) return packet;
  packet.version = load_be32(datagram.data() + 1);
  if (!is_quic_version(packet.version)) return packet;
  packet.whole = datagram;
  const bool known = quic_version_name(packet.version) != nullptr;
  const std::size_t id_bytes_max = known ? kQuicConnectionIdBytesMax : 255;  // RFC 8999, section 5.1
  Bytes rest = datagram.subspan(kVersionEnd);
  Bytes source_id;
  if (!take_id(rest, id_bytes_max, packet.destination_id) || !take_id(rest, id_bytes_max, source_id))
    return packet;
  packet.kind = known ? QuicPacketKind::kOther : QuicPacketKind::kOtherVersion;
  const LongType type = long_type(datagram[0], packet.version);
  if (!known || type == kTypeRetry) return packet;
  std::uint64_t bytes = 0;
  if ((type == kTypeInitial && !take_vector(rest)) || !read_quic_varint(rest, bytes) || bytes > rest.size()) {
    packet.kind = QuicPacketKind::kNone;
    return packet;
  }
  if (type == kTypeInitial) packet.kind = QuicPacketKind::kInitial;
  packet.number_offset = datagram.size() - rest.size();
  packet.whole = datagram.first(packet.number_offset + static_cast<std::size_t>(bytes));
  return packet;
}

}  // namespace tapline
