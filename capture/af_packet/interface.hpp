#pragma once
// What the kernel says about a network interface. Errors name the interface and the remedy.

#include <cstdint>
#include <optional>
#include <string>

#include "capture/base/result.hpp"
#include "capture/packet/frame.hpp"

struct ifreq;  // linux/if.h, which does not go together with net/if.h

namespace tapline {

struct InterfaceFacts {
  int index = 0;
  bool loopback = false;
  LinkType link_type = kLinkEthernet;
  std::uint32_t mtu_bytes = 0;

  /// Link header, MTU and two VLAN tags: no frame on the wire is longer.
  std::uint32_t wire_frame_bytes_max() const;
};

enum class InterfaceState : std::uint8_t { kUp, kNoCarrier, kDown, kGone };

/// A request to the kernel about the interface of this name.
ifreq interface_request(const std::string& name);

/// `socket`: any open socket. kNotFound: no such interface; kUnsupported: neither Ethernet nor IP.
Result<InterfaceFacts> read_interface(int socket, const std::string& name);

// Of the interface that a packet socket is bound to, whatever its name is now.
/// kGone once it has been removed, or has moved to another network namespace.
InterfaceState bound_interface_state(int packet_socket);
/// Nothing where it cannot be read.
std::optional<std::uint32_t> bound_interface_mtu(int packet_socket);

}  // namespace tapline
