#pragma once
// A window as a multiple of what its sender may have worked it out from: a segment size or an MTU.

#include <optional>

#include "capture/packet/syn_signature.hpp"

namespace tapline {

struct WindowMultiple {
  enum Unit : std::uint8_t { kMss, kMtu };
  Unit unit;
  std::uint32_t factor;
};

/// What p0f 3.09b finds; nothing where the window is 0, there is no segment size of 100 bytes or more, or
/// nothing fits. `syn`: of a SYN+ACK the SYN that it answers, else null.
std::optional<WindowMultiple> window_multiple(const SynSignature& signature, const SynSignature* syn);

}  // namespace tapline
