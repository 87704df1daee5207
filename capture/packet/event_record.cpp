#include "capture/packet/event_record.hpp"

namespace tapline {

const char* event_kind_name(EventKind kind) {
  static constexpr std::array<const char*, kEventKindCount> kNames = {"",     "dns", "tls",
                                                                      "http", "ssh", "file"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace tapline
