#pragma once
// AppEvidence: what the first payload of a direction shows: which protocol, and which of its sides speaks.
// One look at each direction's first bytes; ports are asked where bytes alone would be found by chance. Pure.

#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/packet/app.hpp"

namespace tapline::flowgen {

enum class AppSide : std::uint8_t {
  kEither = 0,  // both sides may send this
  kClient = 1,
  kServer = 2,
};

/// Eight bits of a flow's line: six of App, two of AppSide.
struct AppEvidence {
  App app = App::kUnknown;
  AppSide side = AppSide::kEither;

  std::uint8_t packed() const {
    return static_cast<std::uint8_t>(static_cast<unsigned>(app) << 2 | static_cast<unsigned>(side));
  }
  static AppEvidence unpacked(std::uint8_t bits) {
    return {static_cast<App>(bits >> 2), static_cast<AppSide>(bits & 3)};
  }
  friend bool operator==(const AppEvidence&, const AppEvidence&) = default;
};
static_assert(kAppCount <= 64);

struct PayloadHint {
  std::uint8_t ip_proto;
  std::uint16_t src_port;  // host order
  std::uint16_t dst_port;
};

/// `payload`: as captured, the first of its direction; may be cut anywhere.
AppEvidence read_app_evidence(const PayloadHint& hint, Bytes payload) noexcept;

/// What both directions together say: the same, the only one, or where they contradict each other that of the
/// client.
App app_of(AppEvidence a, AppEvidence b) noexcept;

}  // namespace tapline::flowgen
