#pragma once
// Versions of QUIC whose first packets can be read, and the keys of those packets: everybody who sees a
// client's first connection id can derive them (RFC 9001, section 5.2; RFC 9369, section 3.3).

#include <array>
#include <cstdint>

#include "capture/base/bytes.hpp"

namespace tapline {

enum QuicVersion : std::uint32_t {
  kQuicV1 = 0x00000001,
  kQuicV2 = 0x6b3343cf,
  kQuicDraft29 = 0xff00001d,
};

/// "QUICv1", "QUICv2", "QUIC draft 29"; null for a version whose first packets cannot be read.
const char* quic_version_name(std::uint32_t version);

/// Whether a version has a name, or is a draft's, Google's, Facebook's, or one that clients offer so that
/// servers do not choke on unknown ones (RFC 9000, section 15).
bool is_quic_version(std::uint32_t version);

/// What protects the Initial packets that a client sends.
struct QuicKeys {
  std::array<std::uint8_t, 16> key{};
  std::array<std::uint8_t, 12> iv{};
  std::array<std::uint8_t, 16> header_key{};
};

/// Of a version that has a name, and the destination connection id of the client's first packet, of at most
/// 20 bytes. Costs 20 blocks of SHA-256.
QuicKeys quic_client_keys(std::uint32_t version, Bytes connection_id) noexcept;

}  // namespace tapline
