#include "capture/af_packet/interface.hpp"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "capture/base/file.hpp"

namespace tapline {

namespace {

constexpr std::uint32_t kEthernetHeaderBytes = 14;
constexpr std::uint32_t kTwoVlanTagsBytes = 8;

/// ARPHRD_ values (linux/if_arp.h) of links that we can read.
std::optional<LinkType> link_type_of(unsigned hardware_type) {
  switch (hardware_type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:  // with an Ethernet header of zeroes
      return kLinkEthernet;
    case ARPHRD_NONE:  // tun, WireGuard
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
      return kLinkRaw;
    default:
      return std::nullopt;
  }
}

/// With the present name of the interface that the socket is bound to.
std::optional<ifreq> bound_request(int packet_socket) {
  sockaddr_ll address{};
  socklen_t address_bytes = sizeof address;
  if (getsockname(packet_socket, reinterpret_cast<sockaddr*>(&address), &address_bytes) != 0)
    return std::nullopt;
  if (address.sll_ifindex <= 0) return std::nullopt;  // -1 once it is gone
  ifreq request{};
  request.ifr_ifindex = address.sll_ifindex;
  if (ioctl(packet_socket, SIOCGIFNAME, &request) != 0) return std::nullopt;
  return request;
}

}  // namespace

ifreq interface_request(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1));
  return request;
}

std::uint32_t InterfaceFacts::wire_frame_bytes_max() const {
  return link_type == kLinkEthernet ? mtu_bytes + kEthernetHeaderBytes + kTwoVlanTagsBytes : mtu_bytes;
}

Result<InterfaceFacts> read_interface(int socket, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return Error{ErrorCode::kInvalid,
                 "interface name '" + name + "': 1 to 15 characters; `ip link` lists them"};
  }
  InterfaceFacts facts;
  ifreq request = interface_request(name);
  if (ioctl(socket, SIOCGIFINDEX, &request) != 0) {
    if (errno == ENODEV)
      return Error{ErrorCode::kNotFound, "no interface " + name + "; `ip link` lists them"};
    return io_error("find interface", name);
  }
  facts.index = request.ifr_ifindex;
  if (ioctl(socket, SIOCGIFHWADDR, &request) != 0) return io_error("read the kind of interface", name);
  const unsigned hardware_type = request.ifr_hwaddr.sa_family;
  const std::optional<LinkType> link_type = link_type_of(hardware_type);
  if (!link_type) {
    return Error{ErrorCode::kUnsupported, "interface " + name + " is of kind ARPHRD " +
                                              std::to_string(hardware_type) +
                                              " (linux/if_arp.h), which is neither Ethernet nor plain IP"};
  }
  facts.link_type = *link_type;
  facts.loopback = hardware_type == ARPHRD_LOOPBACK;
  if (ioctl(socket, SIOCGIFMTU, &request) != 0) return io_error("read the MTU of interface", name);
  facts.mtu_bytes = static_cast<std::uint32_t>(std::max(request.ifr_mtu, 0));
  return facts;
}

InterfaceState bound_interface_state(int packet_socket) {
  std::optional<ifreq> request = bound_request(packet_socket);
  if (!request || ioctl(packet_socket, SIOCGIFFLAGS, &*request) != 0) return InterfaceState::kGone;
  const auto flags = static_cast<unsigned>(static_cast<std::uint16_t>(request->ifr_flags));
  if ((flags & IFF_UP) == 0) return InterfaceState::kDown;
  return (flags & IFF_RUNNING) != 0 ? InterfaceState::kUp : InterfaceState::kNoCarrier;
}

std::optional<std::uint32_t> bound_interface_mtu(int packet_socket) {
  std::optional<ifreq> request = bound_request(packet_socket);
  if (!request || ioctl(packet_socket, SIOCGIFMTU, &*request) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(std::max(request->ifr_mtu, 0));
}

}  // namespace tapline
