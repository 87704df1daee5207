#pragma once
// Numbers from the IANA registries that the decoder and its neighbours name.

#include <cstdint>

namespace tapline {

enum EtherType : std::uint16_t {
  kEtherTypeIpv4 = 0x0800,
  kEtherTypeArp = 0x0806,
  kEtherTypeErspan3 = 0x22eb,          // ERSPAN type III, within GRE
  kEtherTypeBridgedEthernet = 0x6558,  // an Ethernet frame, within tunnels
  kEtherTypeRarp = 0x8035,
  kEtherTypeVlan = 0x8100,  // IEEE 802.1Q
  kEtherTypeIpv6 = 0x86dd,
  kEtherTypePpp = 0x880b,
  kEtherTypeMpls = 0x8847,
  kEtherTypeMplsMulticast = 0x8848,
  kEtherTypePppoeDiscovery = 0x8863,
  kEtherTypePppoeSession = 0x8864,
  kEtherTypeServiceVlan = 0x88a8,  // IEEE 802.1ad
  kEtherTypeErspan = 0x88be,       // ERSPAN types I and II, within GRE
  kEtherTypeBackbone = 0x88e7,     // IEEE 802.1ah service tag
  kEtherTypeFabricPath = 0x8903,   // Cisco FabricPath (Data Center Ethernet)
  kEtherTypeMetaData = 0x8909,     // Cisco MetaData
  kEtherTypeVnTag = 0x8926,        // Cisco VN-Tag
  kEtherTypeETag = 0x893f,         // IEEE 802.1BR
  kEtherTypeNsh = 0x894f,          // Network Service Header
  kEtherTypeQinq1 = 0x9100,        // stacked tags of switches older than 802.1ad
  kEtherTypeQinq2 = 0x9200,
  kEtherTypeQinq3 = 0x9300,
};

enum IpProto : std::uint8_t {
  kIpProtoHopByHop = 0,
  kIpProtoIcmp = 1,
  kIpProtoIpv4 = 4,  // IP in IP
  kIpProtoTcp = 6,
  kIpProtoUdp = 17,
  kIpProtoIpv6 = 41,
  kIpProtoRouting = 43,
  kIpProtoFragment = 44,
  kIpProtoGre = 47,
  kIpProtoEsp = 50,
  kIpProtoAh = 51,
  kIpProtoIcmpv6 = 58,
  kIpProtoNoNext = 59,
  kIpProtoDestinationOptions = 60,
  kIpProtoEtherIp = 97,
  kIpProtoSctp = 132,
  kIpProtoMobility = 135,
  kIpProtoMpls = 137,
  kIpProtoHip = 139,
  kIpProtoShim6 = 140,
};

/// UDP ports of tunnels.
enum TunnelPort : std::uint16_t {
  kPortL2tp = 1701,
  kPortGtpU = 2152,
  kPortTeredo = 3544,
  kPortVxlan = 4789,
  kPortVxlanGpe = 4790,
  kPortAyiya = 5072,
  kPortGeneve = 6081,
  kPortMplsInUdp = 6635,
  kPortVxlanLinux = 8472,  // VXLAN before it had a number; still Linux's default
};
/// One of TunnelPort.
bool is_tunnel_port(std::uint16_t port) noexcept;
inline constexpr std::uint16_t kTunnelPortMin = kPortL2tp;
inline constexpr std::uint16_t kTunnelPortMax = kPortVxlanLinux;

/// Protocols whose headers begin with a source and a destination port.
constexpr bool proto_has_ports(std::uint8_t ip_proto) {
  return ip_proto == kIpProtoTcp || ip_proto == kIpProtoUdp || ip_proto == kIpProtoSctp;
}

}  // namespace tapline
