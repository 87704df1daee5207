#include "capture/packet/uid.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include "capture/base/bytes.hpp"
#include "capture/packet/key_layout.hpp"

namespace tapline {
namespace {

constexpr std::size_t kTextCharacters = 26;
constexpr char kCrockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // without I, L, O, U
constexpr unsigned kBitsPerCharacter = 5;
// 26 characters hold 130 bits: the first one stands for the top three bits only.
constexpr unsigned kTopShift = 125;

constexpr std::array<std::int8_t, 256> make_crockford_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::int8_t i = 0; i < 32; ++i) {
    const auto upper = static_cast<unsigned char>(kCrockford[i]);
    values[upper] = i;
    if (upper >= 'A') values[upper + ('a' - 'A')] = i;
  }
  return values;
}
constexpr std::array<std::int8_t, 256> kCrockfordValues = make_crockford_values();

// 128 bits as two halves, shifted as one.
struct Halves {
  std::uint64_t high;
  std::uint64_t low;

  std::uint64_t bits_from(unsigned shift) const {
    if (shift >= 64) return high >> (shift - 64);
    return shift == 0 ? low : low >> shift | high << (64 - shift);
  }
  void append(unsigned count, std::uint64_t value) {
    high = high << count | low >> (64 - count);
    low = low << count | value;
  }
};

std::int64_t floor_milliseconds(TimeNs time_ns) {
  return time_ns / kNsPerMillisecond - (time_ns % kNsPerMillisecond < 0 ? 1 : 0);
}

}  // namespace

Uid make_uid(std::uint64_t sensor_id, const FlowKey& key, TimeNs first_ns,
             const OrderKey& first_order) noexcept {
  // storage/FORMAT.md, "Uid": sensor 8, link 2, key layout, tunnel 4, order key 8 + 4; little endian but for
  // the ports.
  constexpr std::size_t kKeyAt = 10;
  constexpr std::size_t kTunnelAt = kKeyAt + kKeyLayoutBytes;
  std::array<std::uint8_t, kTunnelAt + 4 + 12> layout;
  store_le(layout.data(), sensor_id);
  store_le(layout.data() + 8, key.link);
  store_key_layout(layout.data() + kKeyAt, key);
  store_le(layout.data() + kTunnelAt, key.tunnel_id);
  store_le(layout.data() + kTunnelAt + 4, first_order.time_ns);
  store_le(layout.data() + kTunnelAt + 12, first_order.count);

  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(layout.data(), layout.size()));

  Uid uid;
  store_be64(uid.bytes.data(), static_cast<std::uint64_t>(floor_milliseconds(first_ns)) << 16);
  std::memcpy(uid.bytes.data() + 6, canonical.digest, 10);
  return uid;
}

std::int64_t uid_millisecond(const Uid& uid) {
  return static_cast<std::int64_t>(load_be64(uid.bytes.data())) >> 16;  // arithmetic: extends the sign
}

std::string format_uid(const Uid& uid) {
  const Halves bits{load_be64(uid.bytes.data()), load_be64(uid.bytes.data() + 8)};
  std::string text(kTextCharacters, '0');
  unsigned shift = kTopShift;
  for (char& character : text) {
    character = kCrockford[bits.bits_from(shift) & 31];
    shift -= kBitsPerCharacter;
  }
  return text;
}

Result<Uid> parse_uid(std::string_view text) {
  const Error error{ErrorCode::kInvalid,
                    fmt::format("not a session uid (26 characters of base 32): '{}'", text)};
  if (text.size() != kTextCharacters) return error;
  Halves bits{0, 0};
  for (const char character : text) {
    const std::int8_t value = kCrockfordValues[static_cast<unsigned char>(character)];
    if (value < 0) return error;
    bits.append(kBitsPerCharacter, static_cast<std::uint64_t>(value));
  }
  if (kCrockfordValues[static_cast<unsigned char>(text[0])] > 7) return error;  // would exceed 128 bits
  Uid uid;
  store_be64(uid.bytes.data(), bits.high);
  store_be64(uid.bytes.data() + 8, bits.low);
  return uid;
}

}  // namespace tapline
