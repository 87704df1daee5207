#pragma once
// Numbers from the IANA registries that the decoder and its neighbours name.

#include <cstdint>

namespace tapline {

enum EtherType : std::uint16_t {
  kEtherTypeIpv4 = 0x0800,
  kEtherTypeArp = 0x0806,
  kEtherTypeRarp = 0x8035,
  kEtherTypeVlan = 0x8100,  // IEEE 802.1Q
  kEtherTypeIpv6 = 0x86dd,
  kEtherTypeMpls = 0x8847,
  kEtherTypeMplsMulticast = 0x8848,
  kEtherTypePppoeDiscovery = 0x8863,
  kEtherTypePppoeSession = 0x8864,
  kEtherTypeServiceVlan = 0x88a8,  // IEEE 802.1ad
  kEtherTypeBackbone = 0x88e7,     // IEEE 802.1ah service tag
  kEtherTypeFabricPath = 0x8903,   // Cisco FabricPath (Data Center Ethernet)
  kEtherTypeMetaData = 0x8909,     // Cisco MetaData
  kEtherTypeVnTag = 0x8926,        // Cisco VN-Tag
  kEtherTypeNsh = 0x894f,          // Network Service Header
  kEtherTypeQinq1 = 0x9100,        // stacked tags of switches older than 802.1ad
  kEtherTypeQinq2 = 0x9200,
  kEtherTypeQinq3 = 0x9300,
};

enum IpProto : std::uint8_t {
  kIpProtoHopByHop = 0,
  kIpProtoIcmp = 1,
  kIpProtoTcp = 6,
  kIpProtoUdp = 17,
  kIpProtoRouting = 43,
  kIpProtoFragment = 44,
  kIpProtoEsp = 50,
  kIpProtoAh = 51,
  kIpProtoIcmpv6 = 58,
  kIpProtoNoNext = 59,
  kIpProtoDestinationOptions = 60,
  kIpProtoSctp = 132,
  kIpProtoMobility = 135,
  kIpProtoHip = 139,
  kIpProtoShim6 = 140,
};

/// Protocols whose headers begin with a source and a destination port.
constexpr bool proto_has_ports(std::uint8_t ip_proto) {
  return ip_proto == kIpProtoTcp || ip_proto == kIpProtoUdp || ip_proto == kIpProtoSctp;
}

}  // namespace tapline
