#pragma once
// Uid: one name for a flow from its first frame to its last, the same for any number of workers: 48 bits of
// the millisecond of its first frame (modulo 2^48), then 80 bits of XXH3-128 over (sensor, link, canonical
// key, first order key). Printed like a ULID: 26 characters of Crockford's base 32, sorting by time.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "capture/base/result.hpp"
#include "capture/packet/flow_key.hpp"

namespace tapline {

struct Uid {
  std::array<std::uint8_t, 16> bytes{};  // big endian, so that bytes sort as the text does

  friend auto operator<=>(const Uid&, const Uid&) = default;
};

Uid make_uid(std::uint64_t sensor_id, const FlowKey& key, TimeNs first_ns,
             const OrderKey& first_order) noexcept;

/// The millisecond since the epoch that the uid was made from, sign-extended from 48 bits.
std::int64_t uid_millisecond(const Uid& uid);

std::string format_uid(const Uid& uid);
/// 26 characters, letters in either case; kInvalid names the text.
Result<Uid> parse_uid(std::string_view text);

}  // namespace tapline
