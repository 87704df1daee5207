#pragma once
// PacketBuilder: packets for tests, layer by layer from the outside in. Every layer fills in the type field
// of the one before it; bytes() fills in lengths and the IPv4 header checksum (transport checksums stay 0).
//
//   PacketBuilder().eth().vlan(100).ipv4("10.0.0.1", "10.0.0.2").tcp(51000, 443,
//   kTcpSyn).payload(100).bytes()

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/tcp_flags.hpp"

namespace tapline::test {

using PacketBytes = std::vector<std::uint8_t>;

struct Ipv4Fields {
  std::uint8_t ttl = 64;
  std::uint16_t id = 0x1234;          // equal frames are copies of each other to the flow table
  std::uint16_t fragment_offset = 0;  // in bytes, a multiple of 8
  bool more_fragments = false;
  std::uint8_t option_words = 0;  // no-operation options, 4 bytes each
  int ip_proto = -1;              // -1: by the next layer
};

struct TcpFields {
  std::uint32_t seq = 1000;
  std::uint32_t ack = 0;
  std::uint16_t window = 8192;
  std::uint8_t option_words = 0;           // no-operation options, 4 bytes each
  std::vector<std::uint8_t> options = {};  // behind them; a multiple of 4 bytes
};

class PacketBuilder {
 public:
  // Link layers.

  PacketBuilder& eth() {
    put_all({2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1});
    return expect_ethertype(put16(0));
  }
  /// IEEE 802.3 with a length, then LLC with these service access points and an unnumbered control field.
  PacketBuilder& eth_llc(std::uint8_t dsap, std::uint8_t ssap) {
    put_all({2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1});
    const std::size_t length_at = put16(0);
    length_fields_.push_back({length_at, length_at + 2});
    put_all({dsap, ssap, 0x03});
    return expect_nothing();
  }
  PacketBuilder& eth_snap(std::uint32_t oui = 0) {
    eth_llc(0xaa, 0xaa);
    put_all({static_cast<std::uint8_t>(oui >> 16), static_cast<std::uint8_t>(oui >> 8),
             static_cast<std::uint8_t>(oui)});
    return expect_ethertype(put16(0));
  }
  PacketBuilder& vlan(std::uint16_t id, std::uint16_t tag_protocol = kEtherTypeVlan,
                      std::uint8_t priority = 0) {
    set_next_ethertype(tag_protocol);
    put16(static_cast<std::uint16_t>(priority << 13 | id));
    return expect_ethertype(put16(0));
  }
  PacketBuilder& mpls(std::uint32_t label, std::uint8_t ttl = 64) {
    if (mpls_at_ != 0) bytes_[mpls_at_ + 2] &= 0xfe;  // the label before is not the bottom any more
    set_next_ethertype(kEtherTypeMpls);
    mpls_at_ = put32(label << 12 | 0x100u | ttl);
    return expect_nothing();
  }
  PacketBuilder& pppoe(std::uint16_t session) {
    set_next_ethertype(kEtherTypePppoeSession);
    put_all({0x11, 0});
    put16(session);
    const std::size_t length_at = put16(0);
    length_fields_.push_back({length_at, length_at + 2});
    next_at_ = put16(0);
    next_ = Next::kPpp;
    return *this;
  }
  /// The frame before becomes FabricPath's outer header; tree 1, 32 hops; then the frame's own Ethernet
  /// header.
  PacketBuilder& fabric_path() {
    set_next_ethertype(kEtherTypeFabricPath);
    put16(1 << 6 | 32);
    return eth();
  }
  /// The frame before becomes the backbone's, then the customer's own Ethernet header.
  PacketBuilder& backbone(std::uint32_t service) {
    set_next_ethertype(kEtherTypeBackbone);
    put32(0x6000'0000 | service);
    return eth();
  }
  PacketBuilder& vn_tag() {
    set_next_ethertype(kEtherTypeVnTag);
    put32(0x33);
    return expect_ethertype(put16(0));
  }
  PacketBuilder& e_tag() {
    set_next_ethertype(kEtherTypeETag);
    put32(0x33);
    put16(0);
    return expect_ethertype(put16(0));
  }
  PacketBuilder& linux_sll(std::uint16_t hardware_type = 1) {
    put16(0);
    put16(hardware_type);
    put16(6);
    put_all({2, 0, 0, 0, 0, 1, 0, 0});
    return expect_ethertype(put16(0));
  }
  PacketBuilder& linux_sll2(std::uint16_t hardware_type = 1) {
    const std::size_t protocol_at = put16(0);
    put16(0);
    put32(1);
    put16(hardware_type);
    put_all({0, 6, 2, 0, 0, 0, 0, 1, 0, 0});
    return expect_ethertype(protocol_at);
  }
  PacketBuilder& loopback_big_endian(std::uint32_t family) {
    put32(family);
    return expect_nothing();
  }
  PacketBuilder& loopback_little_endian(std::uint32_t family) {
    return loopback_big_endian(__builtin_bswap32(family));
  }
  /// Writes this type where the layer before wants one; for types without a builder.
  PacketBuilder& ethertype(std::uint16_t type) {
    set_next_ethertype(type);
    return expect_nothing();
  }
  PacketBuilder& arp(std::uint16_t operation, std::string_view sender, std::string_view target,
                     std::uint16_t type = kEtherTypeArp) {
    set_next_ethertype(type);
    put16(1);
    put16(kEtherTypeIpv4);
    put_all({6, 4});
    put16(operation);
    put_all({2, 0, 0, 0, 0, 1});
    put_v4(sender);
    put_all({2, 0, 0, 0, 0, 2});
    put_v4(target);
    return expect_nothing();
  }

  // Network layers.

  PacketBuilder& ipv4(std::string_view source, std::string_view destination, const Ipv4Fields& fields = {}) {
    set_next_network(kEtherTypeIpv4, 0x0021, 4);
    const std::size_t start = bytes_.size();
    put_all({static_cast<std::uint8_t>(0x45 + fields.option_words), 0});
    length_fields_.push_back({put16(0), start});
    put16(fields.id);
    put16(static_cast<std::uint16_t>((fields.more_fragments ? 0x2000 : 0) | fields.fragment_offset / 8));
    put_all({fields.ttl, 0});
    put16(0);
    put_v4(source);
    put_v4(destination);
    for (int i = 0; i < fields.option_words; ++i) put_all({1, 1, 1, 1});
    ipv4_headers_.push_back(start);
    expect_ip_proto(start + 9);
    if (fields.ip_proto >= 0) set_next_ip_proto(static_cast<std::uint8_t>(fields.ip_proto));
    return *this;
  }
  PacketBuilder& ipv6(std::string_view source, std::string_view destination, std::uint8_t hop_limit = 64) {
    set_next_network(kEtherTypeIpv6, 0x0057, 41);
    const std::size_t start = bytes_.size();
    put32(0x6000'0000);
    length_fields_.push_back({put16(0), start + 40});
    put_all({kIpProtoNoNext, hop_limit});
    put_address(source);
    put_address(destination);
    return expect_ip_proto(start + 6);
  }
  /// An extension header of `bytes` (a multiple of 8; AH: of 4) whose content is padding.
  PacketBuilder& extension(std::uint8_t ip_proto, std::size_t header_bytes = 8) {
    set_next_ip_proto(ip_proto);
    const std::size_t start = bytes_.size();
    const std::size_t length = ip_proto == kIpProtoAh ? header_bytes / 4 - 2 : header_bytes / 8 - 1;
    put_all({kIpProtoNoNext, static_cast<std::uint8_t>(length)});
    put_all({1, static_cast<std::uint8_t>(header_bytes - 4)});  // PadN
    bytes_.resize(start + header_bytes);
    return expect_ip_proto(start);
  }
  PacketBuilder& fragment(std::uint16_t offset_bytes, bool more, std::uint32_t id) {
    set_next_ip_proto(kIpProtoFragment);
    const std::size_t start = bytes_.size();
    put_all({kIpProtoNoNext, 0});
    put16(static_cast<std::uint16_t>(offset_bytes | (more ? 1 : 0)));
    put32(id);
    return expect_ip_proto(start);
  }
  /// For protocols without a builder, and for later fragments.
  PacketBuilder& ip_proto(std::uint8_t number) {
    set_next_ip_proto(number);
    return expect_nothing();
  }

  // Transport layers.

  PacketBuilder& tcp(std::uint16_t src_port, std::uint16_t dst_port, std::uint8_t flags = kTcpAck,
                     const TcpFields& fields = {}) {
    set_next_ip_proto(kIpProtoTcp);
    put16(src_port);
    put16(dst_port);
    put32(fields.seq);
    put32(fields.ack);
    const std::size_t words = 5 + fields.option_words + fields.options.size() / 4;
    put_all({static_cast<std::uint8_t>(words << 4), flags});
    put16(fields.window);
    put32(0);
    for (int i = 0; i < fields.option_words; ++i) put_all({1, 1, 1, 1});
    append(fields.options.data(), fields.options.size());
    return expect_nothing();
  }
  PacketBuilder& udp(std::uint16_t src_port, std::uint16_t dst_port) {
    set_next_ip_proto(kIpProtoUdp);
    const std::size_t start = put16(src_port);
    put16(dst_port);
    length_fields_.push_back({put16(0), start});
    put16(0);
    return expect_nothing();
  }
  PacketBuilder& sctp(std::uint16_t src_port, std::uint16_t dst_port) {
    set_next_ip_proto(kIpProtoSctp);
    put16(src_port);
    put16(dst_port);
    put32(0xabcd'ef01);
    put32(0);
    return expect_nothing();
  }
  PacketBuilder& icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest = 0) {
    return icmp_header(kIpProtoIcmp, type, code, rest);
  }
  PacketBuilder& icmpv6(std::uint8_t type, std::uint8_t code, std::uint32_t rest = 0) {
    return icmp_header(kIpProtoIcmpv6, type, code, rest);
  }

  // Content.

  PacketBuilder& payload(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<std::uint8_t>('a' + i % 26));
    return *this;
  }
  PacketBuilder& payload(const PacketBytes& content) {
    append(content.data(), content.size());
    return *this;
  }
  /// Bytes after the packet, as Ethernet pads to 60: no length counts them. Nothing may follow.
  PacketBuilder& padding(std::size_t count) {
    packet_end_ = bytes_.size();
    bytes_.resize(bytes_.size() + count, 0xee);
    return *this;
  }

  PacketBytes bytes() const {
    PacketBytes done = bytes_;
    const std::size_t end = packet_end_ != 0 ? packet_end_ : done.size();
    for (const auto& [at, from] : length_fields_)
      store_be16(done.data() + at, static_cast<std::uint16_t>(end - from));
    for (const std::size_t header : ipv4_headers_) write_ipv4_checksum(done.data() + header);
    return done;
  }

 private:
  enum class Next : std::uint8_t { kNothing, kEtherType, kPpp, kIpProto };
  struct LengthField {
    std::size_t at;
    std::size_t from;  // counts from here to the end of the packet
  };

  PacketBuilder& expect_nothing() {
    next_ = Next::kNothing;
    return *this;
  }
  PacketBuilder& expect_ethertype(std::size_t at) {
    next_ = Next::kEtherType;
    next_at_ = at;
    return *this;
  }
  PacketBuilder& expect_ip_proto(std::size_t at) {
    next_ = Next::kIpProto;
    next_at_ = at;
    return *this;
  }
  void set_next_ethertype(std::uint16_t type) {
    if (next_ == Next::kEtherType) store_be16(bytes_.data() + next_at_, type);
  }
  void set_next_ip_proto(std::uint8_t number) {
    if (next_ == Next::kIpProto) bytes_[next_at_] = number;
  }
  void set_next_network(std::uint16_t type, std::uint16_t ppp_protocol, std::uint8_t number) {
    set_next_ethertype(type);
    set_next_ip_proto(number);
    if (next_ == Next::kPpp) store_be16(bytes_.data() + next_at_, ppp_protocol);
  }
  PacketBuilder& icmp_header(std::uint8_t ip_proto, std::uint8_t type, std::uint8_t code,
                             std::uint32_t rest) {
    set_next_ip_proto(ip_proto);
    put_all({type, code, 0, 0});
    put32(rest);
    return expect_nothing();
  }

  // Not inlined: g++ 12 sees overflows in the vector's growth where builders are chained (bug 105329 and
  // others).
  [[gnu::noinline]] std::size_t append(const std::uint8_t* bytes, std::size_t count) {
    const std::size_t at = bytes_.size();
    bytes_.insert(bytes_.end(), bytes, bytes + count);
    return at;
  }
  void put_all(std::initializer_list<std::uint8_t> values) { append(values.begin(), values.size()); }
  std::size_t put16(std::uint16_t value) {
    std::uint8_t bytes[2];
    store_be16(bytes, value);
    return append(bytes, sizeof bytes);
  }
  std::size_t put32(std::uint32_t value) {
    std::uint8_t bytes[4];
    store_be32(bytes, value);
    return append(bytes, sizeof bytes);
  }
  void put_v4(std::string_view text) { put32(parse_address(text).value().v4()); }
  void put_address(std::string_view text) {
    const IpAddress address = parse_address(text).value();
    append(address.bytes.data(), address.bytes.size());
  }
  static void write_ipv4_checksum(std::uint8_t* header) {
    const std::size_t header_bytes = (header[0] & 0x0fu) * 4;
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < header_bytes; at += 2) sum += load_be16(header + at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    store_be16(header + 10, static_cast<std::uint16_t>(~sum));
  }

  PacketBytes bytes_;
  std::vector<LengthField> length_fields_;
  std::vector<std::size_t> ipv4_headers_;
  Next next_ = Next::kNothing;
  std::size_t next_at_ = 0;
  std::size_t mpls_at_ = 0;     // of the last label; 0: none
  std::size_t packet_end_ = 0;  // where padding begins; 0: there is none
};

/// A frame over bytes that outlive it.
inline Frame frame_of(const PacketBytes& bytes, std::uint16_t link_type = kLinkEthernet, TimeNs time_ns = 0) {
  Frame frame;
  frame.data = bytes.data();
  frame.time_ns = time_ns;
  frame.captured_bytes = static_cast<std::uint32_t>(bytes.size());
  frame.wire_bytes = frame.captured_bytes;
  frame.link_type = link_type;
  frame.order = {time_ns, 0};
  return frame;
}

}  // namespace tapline::test
