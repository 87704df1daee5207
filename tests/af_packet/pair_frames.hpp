#pragma once
// Frames between two addresses, in every wrapping that the fan-out program looks through.

#include <cstdint>
#include <string>
#include <vector>

namespace tapline {

using FrameBytes = std::vector<std::uint8_t>;

// Not inlined: GCC 12 takes growing a vector that it can see through for an overflow.
[[gnu::noinline]] inline void append(FrameBytes& to, const FrameBytes& part) {
  to.insert(to.end(), part.begin(), part.end());
}

/// `header`, and `fill` up to `bytes`.
inline FrameBytes filled_packet(FrameBytes header, std::size_t bytes, std::uint8_t fill) {
  append(header, FrameBytes(bytes - header.size(), fill));
  return header;
}

/// `from` and `to`: last bytes of the addresses. First fragments have 0 as offset; the others' "ports"
/// differ.
inline FrameBytes ipv4_packet(std::uint8_t from, std::uint8_t to, std::uint8_t fragment_offset = 0) {
  const auto more = static_cast<std::uint8_t>(fragment_offset == 0 ? 0x20 : 0);
  return filled_packet(
      {0x45, 0, 0, 46, 0, 7, more, fragment_offset, 64, 17, 0, 0, 10, 1, 2, from, 10, 1, 2, to}, 46,
      static_cast<std::uint8_t>(fragment_offset * 31 + from));
}

inline FrameBytes ipv6_packet(std::uint8_t from, std::uint8_t to) {
  FrameBytes header{0x60, 0, 0, 0, 0, 16, 17, 64};
  append(header, {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 9, from});
  append(header, {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 9, to});
  return filled_packet(header, 56, from);
}

/// Addresses, then the given types, tags and labels, then the packet.
inline FrameBytes ethernet_frame(const FrameBytes& types, const FrameBytes& packet) {
  FrameBytes frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  append(frame, types);
  append(frame, packet);
  return frame;
}

struct Wrapping {
  std::string name;
  FrameBytes before_ipv4;
  FrameBytes before_ipv6;
};

inline std::vector<Wrapping> all_wrappings() {
  const FrameBytes ipv4{8, 0};
  const FrameBytes ipv6{0x86, 0xdd};
  std::vector<Wrapping> wrappings{{"plain", ipv4, ipv6}};
  const FrameBytes customer{0x81, 0, 0, 5};
  const FrameBytes service{0x88, 0xa8, 0, 9};
  const FrameBytes old_service{0x91, 0, 0, 9};
  const auto add_tags = [&](const std::string& name, const std::vector<FrameBytes>& tags) {
    Wrapping wrapping{name, {}, {}};
    for (const FrameBytes& tag : tags) {
      append(wrapping.before_ipv4, tag);
      append(wrapping.before_ipv6, tag);
    }
    append(wrapping.before_ipv4, ipv4);
    append(wrapping.before_ipv6, ipv6);
    wrappings.push_back(wrapping);
  };
  add_tags("802.1Q", {customer});
  add_tags("802.1ad", {service});
  add_tags("QinQ", {service, customer});
  add_tags("three tags", {old_service, customer, customer});
  const FrameBytes inner{2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3};
  FrameBytes backbone{0x88, 0xe7, 0x60, 0, 0, 7};
  FrameBytes fabric_path{0x89, 0x03, 0, 0x60};
  append(backbone, inner);
  append(fabric_path, inner);
  add_tags("802.1ah", {service, backbone});
  add_tags("802.1ah, tagged inside", {service, backbone, customer});
  add_tags("VN-Tag between tags", {customer, {0x89, 0x26, 0, 0, 0, 0x33}, customer});
  add_tags("FabricPath", {fabric_path});
  add_tags("FabricPath, tagged inside", {fabric_path, customer});
  add_tags("MetaData, tagged inside", {{0x89, 0x09, 1, 1, 0, 1, 0, 7}, customer});
  const FrameBytes service_header{0x89, 0x4f, 0x0f, 0xc3, 2};
  wrappings.push_back({"NSH", service_header, service_header});
  append(wrappings.back().before_ipv4, {1, 0, 0, 1, 0xff, 0, 0, 0, 0});
  append(wrappings.back().before_ipv6, {2, 0, 0, 1, 0xff, 0, 0, 0, 0});
  const FrameBytes pppoe{0x88, 0x64, 0x11, 0, 0, 1, 0, 48};
  wrappings.push_back({"PPPoE", pppoe, pppoe});
  append(wrappings.back().before_ipv4, {0, 0x21});
  append(wrappings.back().before_ipv6, {0, 0x57});
  FrameBytes mpls{0x88, 0x47};
  for (std::uint8_t label = 1; label <= 4; ++label) {
    FrameBytes stack = mpls;
    append(stack, {0, label, 1, 64});
    wrappings.push_back({"MPLS " + std::to_string(label), stack, stack});
    append(mpls, {0, label, 0, 64});
  }
  return wrappings;
}

}  // namespace tapline
