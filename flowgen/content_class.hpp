#pragma once
// Whether a payload is worth compressing: encrypted and compressed bytes are not. A pure function of one
// packet; a wrong answer costs disk space or processor time, never data.

#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/packet/append_slot.hpp"

namespace tapline::flowgen {

/// Shorter payloads say nothing.
inline constexpr std::uint32_t kContentSampleBytes = 128;

struct ContentHint {
  std::uint8_t ip_proto;
  std::uint16_t port;  // host order
  std::uint16_t other_port;
};

/// `payload`: as captured, kContentSampleBytes at least. kOpaque: TLS application data, SSH after its banner,
/// QUIC, ESP, or bytes as diverse as random ones.
ContentClass classify_content(const ContentHint& hint, Bytes payload) noexcept;

}  // namespace tapline::flowgen
