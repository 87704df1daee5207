// Link types of serial lines, of 802.11 and of captures that wrap others: their headers, byte by byte, before
// an IP packet.

#include "tests/packet/golden_packets.hpp"

namespace tapline::test {
namespace {

constexpr std::uint16_t kUser0 = 147;  // LINKTYPE_USER0: never decoded

// Not inlined: g++ 12 sees overflows in the vector's growth (bug 105329).
[[gnu::noinline]] PacketBytes joined(PacketBytes header, const PacketBytes& rest) {
  header.insert(header.end(), rest.begin(), rest.end());
  return header;
}
PacketBytes udp4() {
  return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes();
}
PacketBytes udp6() {
  return PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).bytes();
}
std::string at4(std::uint32_t at) {
  return "ip 0800 " + std::to_string(at) + "/" + std::to_string(at + 20) + "/" + std::to_string(at + 28) +
         " len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2";
}
std::string at6(std::uint32_t at) {
  return "ip 86dd " + std::to_string(at) + "/" + std::to_string(at + 40) + "/" + std::to_string(at + 48) +
         " len=48/0 proto=17 ttl=64 v6+l4+ports 1>2";
}
// A header before IPv4, and the decoder finding it there.
GoldenPacket before4(std::string name, std::uint16_t link_type, const PacketBytes& header) {
  return {std::move(name), link_type, joined(header, udp4()), at4(static_cast<std::uint32_t>(header.size()))};
}
GoldenPacket before6(std::string name, std::uint16_t link_type, const PacketBytes& header) {
  return {std::move(name), link_type, joined(header, udp6()), at6(static_cast<std::uint32_t>(header.size()))};
}

std::vector<GoldenPacket> serial_lines() {
  return {
      before4("ppp_ipv4", kLinkPpp, {0xff, 0x03, 0x00, 0x21}),
      before6("ppp_ipv6_without_framing", kLinkPpp, {0x00, 0x57}),
      before4("ppp_compressed_protocol", kLinkPpp, {0xff, 0x03, 0x21}),
      before6("ppp_compressed_everything", kLinkPpp, {0x57}),
      before4("ppp_as_cisco_hdlc", kLinkPpp, {0x8f, 0x00, 0x08, 0x00}),
      {"ppp_mpls", kLinkPpp, joined({0xff, 0x03, 0x02, 0x81, 0x00, 0x01, 0x01, 0x40}, udp4()),
       "ip 0800 labels=1:16 8/28/36 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"ppp_lcp", kLinkPpp, {0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 4}, "not_ip 0000 4/4/4"},
      {"ppp_cut", kLinkPpp, {0xff, 0x03, 0x00}, "truncated_link 0000 2/2/2"},
      {"ppp_cut_after_framing", kLinkPpp, {0xff, 0x03}, "truncated_link 0000 2/2/2"},
      {"ppp_one_byte", kLinkPpp, {0xff}, "truncated_link 0000 0/0/0"},
      before4("ppp_hdlc_ipv4", kLinkPppHdlc, {0xff, 0x03, 0x00, 0x21}),
      before6("ppp_hdlc_as_cisco", kLinkPppHdlc, {0x0f, 0x00, 0x86, 0xdd}),
      before4("cisco_hdlc_ipv4", kLinkCiscoHdlc, {0x0f, 0x00, 0x08, 0x00}),
      {"cisco_hdlc_keepalive", kLinkCiscoHdlc, joined({0x8f, 0x00, 0x80, 0x35}, PacketBytes(28, 0)),
       "not_ip 0000 4/4/4"},
      {"cisco_hdlc_length", kLinkCiscoHdlc, joined({0x0f, 0x00, 0x00, 0x10}, PacketBytes(28, 0xaa)),
       "not_ip 0000 4/4/4"},
      {"cisco_hdlc_cut", kLinkCiscoHdlc, {0x0f, 0x00, 0x08}, "truncated_link 0000 0/0/0"},
      before4("frame_relay_nlpid", kLinkFrameRelay, {0x18, 0x41, 0x03, 0xcc}),
      before6("frame_relay_padded_long_address", kLinkFrameRelay, {0x18, 0x40, 0x10, 0x41, 0x03, 0x00, 0x8e}),
      before4("frame_relay_snap", kLinkFrameRelay, {0x18, 0x41, 0x03, 0x00, 0x80, 0, 0, 0, 0x08, 0x00}),
      before6("frame_relay_cisco", kLinkFrameRelay, {0x18, 0x41, 0x86, 0xdd}),
      {"frame_relay_bridged",
       kLinkFrameRelay,
       {0x18, 0x41, 0x03, 0x00, 0x80, 0, 0x80, 0xc2, 0, 7, 1, 2},
       "not_ip 0000 10/10/10"},
      {"frame_relay_q933", kLinkFrameRelay, {0x00, 0x01, 0x03, 0x08, 0, 0x75}, "not_ip 0000 4/4/4"},
      {"frame_relay_endless_address", kLinkFrameRelay, PacketBytes(12, 0x40), "not_ip 0000 0/0/0"},
      {"frame_relay_address_of_one", kLinkFrameRelay, PacketBytes(12, 0x41), "not_ip 0000 0/0/0"},
      {"frame_relay_cut_in_address", kLinkFrameRelay, {0x18}, "truncated_link 0000 0/0/0"},
      {"frame_relay_cut_in_snap",
       kLinkFrameRelay,
       {0x18, 0x41, 0x03, 0x00, 0x80, 0, 0, 0, 0x08},
       "truncated_link 0000 4/4/4"},
  };
}

// Frame control and flags, duration, three addresses, sequence control with this fragment number; what more
// there is; LLC and SNAP.
PacketBytes wifi(std::uint8_t control, std::uint8_t flags, const PacketBytes& more = {},
                 std::uint8_t fragment = 0) {
  PacketBytes header = {control, flags, 0, 0};
  for (std::uint8_t address = 1; address <= 3; ++address) header = joined(header, {2, 0, 0, 0, 0, address});
  header = joined(joined(header, {fragment, 0}), more);
  return joined(header, {0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00});
}

std::vector<GoldenPacket> wifi_frames() {
  constexpr std::uint8_t kData = 0x08;
  constexpr std::uint8_t kQosData = 0x88;
  const PacketBytes address4 = {2, 0, 0, 0, 0, 4};
  PacketBytes bridged = wifi(kData, 0x01);
  bridged[29] = 0xf8;  // 802.1H
  PacketBytes cut_in_llc = wifi(kData, 0x01);
  cut_in_llc.resize(26);
  const auto stopped = [](std::string name, const PacketBytes& header, std::uint32_t at) {
    const std::string place = std::to_string(at);
    return GoldenPacket{std::move(name), kLinkWifi, joined(header, udp4()),
                        "not_ip 0000 " + place + "/" + place + "/" + place};
  };
  return {
      before4("wifi_data", kLinkWifi, wifi(kData, 0x01)),
      before4("wifi_data_802_1h", kLinkWifi, bridged),
      before4("wifi_data_four_addresses", kLinkWifi, wifi(kData, 0x03, address4)),
      before4("wifi_qos", kLinkWifi, wifi(kQosData, 0x02, {0, 0})),
      before4("wifi_qos_four_addresses", kLinkWifi, wifi(kQosData, 0x03, joined(address4, {0, 0}))),
      before4("wifi_qos_ht_control", kLinkWifi, wifi(kQosData, 0x82, {0, 0, 1, 2, 3, 4})),
      before4("wifi_first_fragment", kLinkWifi, wifi(kData, 0x05)),
      stopped("wifi_later_fragment", wifi(kData, 0x01, {}, 1), 24),
      stopped("wifi_protected", wifi(kData, 0x41), 24),
      stopped("wifi_aggregate", wifi(kQosData, 0x02, {0x80, 0}), 26),
      stopped("wifi_null", wifi(0x48, 0x01), 0),
      stopped("wifi_beacon", wifi(0x80, 0), 0),
      stopped("wifi_acknowledgment", wifi(0xd4, 0), 0),
      stopped("wifi_version_1", wifi(0x09, 0), 0),
      {"wifi_cut_in_llc", kLinkWifi, cut_in_llc, "truncated_link 0000 24/24/24"},
  };
}

// Version, length and fields that are present; then the fields.
PacketBytes radiotap(const PacketBytes& present_and_fields) {
  return joined({0, 0, static_cast<std::uint8_t>(4 + present_and_fields.size()), 0}, present_and_fields);
}

std::vector<GoldenPacket> wifi_behind_captures() {
  const PacketBytes frame = wifi(0x08, 0x01);
  const PacketBytes qos_padded = wifi(0x88, 0x01, {0, 0, 0xee, 0xee});
  const PacketBytes avs = joined({0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64}, PacketBytes(56, 0));
  const PacketBytes flags_padded = {0x02, 0, 0, 0, 0x20};
  const PacketBytes timestamp_then_flags = {0x03, 0, 0, 0x80, 0, 0, 0, 0, 0, 0,   0,
                                            0,    1, 2, 3,    4, 5, 6, 7, 8, 0x20};
  return {
      before4("radiotap", kLinkWifiRadiotap, joined(radiotap({0, 0, 0, 0}), frame)),
      before4("radiotap_padded", kLinkWifiRadiotap, joined(radiotap(flags_padded), qos_padded)),
      before4("radiotap_flags_behind_timestamp", kLinkWifiRadiotap,
              joined(radiotap(timestamp_then_flags), qos_padded)),
      before4("radiotap_endless_words", kLinkWifiRadiotap,
              joined(radiotap({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), frame)),
      {"radiotap_version_1", kLinkWifiRadiotap, joined({1, 0, 8, 0, 0, 0, 0, 0}, frame), "not_ip 0000 0/0/0"},
      {"radiotap_length_7", kLinkWifiRadiotap, joined({0, 0, 7, 0, 0, 0, 0, 0}, frame), "not_ip 0000 0/0/0"},
      {"radiotap_length_huge", kLinkWifiRadiotap, joined({0, 0, 1, 0x20, 0, 0, 0, 0}, frame),
       "not_ip 0000 0/0/0"},
      {"radiotap_cut", kLinkWifiRadiotap, {0, 0, 9, 0, 0, 0, 0, 0}, "truncated_link 0000 0/0/0"},
      before4("prism", kLinkWifiPrism,
              joined(joined({0x44, 0, 0, 0, 144, 0, 0, 0}, PacketBytes(136, 0)), frame)),
      before4("prism_as_avs", kLinkWifiPrism, joined(avs, frame)),
      {"prism_cut", kLinkWifiPrism, PacketBytes(143, 0), "truncated_link 0000 0/0/0"},
      before4("avs", kLinkWifiAvs, joined(avs, frame)),
      {"avs_other_magic", kLinkWifiAvs, joined(PacketBytes(64, 0), frame), "not_ip 0000 0/0/0"},
      {"avs_length_huge",
       kLinkWifiAvs,
       {0x80, 0x21, 0x10, 0x01, 0xff, 0xff, 0xff, 0xff},
       "not_ip 0000 0/0/0"},
      before4("ppi_wifi", kLinkPpi, joined({0, 0, 8, 0, 105, 0, 0, 0}, frame)),
  };
}

std::vector<GoldenPacket> wrapped_and_rare() {
  const PacketBytes pktap = joined({108, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0}, PacketBytes(96, 0));
  PacketBytes pktap_other_record = pktap;
  pktap_other_record[4] = 2;
  const PacketBytes ethernet = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd};
  const PacketBytes fddi = joined({0x57}, PacketBytes(12, 2));
  const PacketBytes nflog = {2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 0, 0, 5, 0, 10, 0, '?', 0, 0, 0};
  PacketBytes endless = {2, 0, 0, 0};
  for (int attribute = 0; attribute < 100; ++attribute) endless = joined(endless, {4, 0, 1, 0});
  const PacketBytes snap = {0xaa, 0xaa, 0x03, 0, 0, 0, 0x86, 0xdd};
  return {
      before6("ppi_ethernet", kLinkPpi, joined({0, 0, 12, 0, 1, 0, 0, 0, 1, 0, 0, 0}, ethernet)),
      {"ppi_in_ppi", kLinkPpi, joined({0, 0, 8, 0, 192, 0, 0, 0}, PacketBytes(40, 0)), "not_ip 0000 8/8/8"},
      {"ppi_unknown", kLinkPpi, joined({0, 0, 8, 0, 147, 0, 0, 0}, PacketBytes(40, 0)),
       "unknown_link_type 0000 8/8/8"},
      {"ppi_length_7", kLinkPpi, joined({0, 0, 7, 0, 1, 0, 0, 0}, PacketBytes(40, 0)), "not_ip 0000 0/0/0"},
      {"ppi_cut", kLinkPpi, {0, 0, 9, 0, 1, 0, 0, 0}, "truncated_link 0000 0/0/0"},
      before4("pktap_raw", kLinkPktap, pktap),
      {"pktap_other_record", kLinkPktap, joined(pktap_other_record, udp4()), "not_ip 0000 0/0/0"},
      {"pktap_cut", kLinkPktap, PacketBytes(11, 1), "truncated_link 0000 0/0/0"},
      before6("fddi", kLinkFddi, joined(fddi, snap)),
      {"fddi_management", kLinkFddi, PacketBytes(30, 0x41), "not_ip 0000 13/13/13"},
      {"fddi_cut", kLinkFddi, PacketBytes(12, 0x57), "truncated_link 0000 0/0/0"},
      before4("arcnet_rfc1051", kLinkArcnetLinux, {1, 2, 0, 0, 240}),
      before4("arcnet_rfc1201", kLinkArcnetLinux, {1, 2, 0, 0, 212, 0, 0, 9}),
      before4("arcnet_first_fragment", kLinkArcnetLinux, {1, 2, 0, 0, 212, 1, 0, 9}),
      {"arcnet_later_fragment", kLinkArcnetLinux, joined({1, 2, 0, 0, 212, 2, 0, 9}, udp4()),
       "not_ip 0000 8/8/8"},
      {"arcnet_cut", kLinkArcnetLinux, PacketBytes(7, 212), "truncated_link 0000 0/0/0"},
      before6("ipnet", kLinkIpnet, joined({1, 26}, PacketBytes(22, 0))),
      {"ipnet_other_family", kLinkIpnet, PacketBytes(60, 1), "not_ip 0000 24/24/24"},
      {"ipnet_cut", kLinkIpnet, PacketBytes(23, 2), "truncated_link 0000 0/0/0"},
      before4("nflog_little_endian", kLinkNflog, joined(nflog, {32, 0, 9, 0})),
      before6("nflog_big_endian", kLinkNflog, {10, 0, 0, 0, 0, 8, 0, 1, 8, 0, 0, 0, 0, 52, 0, 9}),
      {"nflog_bridge", kLinkNflog, joined({7, 0, 0, 0, 32, 0, 9, 0}, udp4()), "not_ip 0000 8/8/8"},
      {"nflog_length_3", kLinkNflog, joined({2, 0, 0, 0, 3, 0, 1, 0}, udp4()), "not_ip 0000 4/4/4"},
      {"nflog_without_packet", kLinkNflog, nflog, "truncated_link 0000 20/20/20"},
      {"nflog_endless", kLinkNflog, endless, "not_ip 0000 260/260/260"},
      before4("infiniband", kLinkInfiniband, joined(PacketBytes(40, 0), {8, 0, 0, 0})),
      {"infiniband_cut", kLinkInfiniband, PacketBytes(43, 0), "truncated_link 0000 0/0/0"},
      before4("raw_bsd", kLinkRawBsd, {}),
      {"unknown_link_type", kUser0, PacketBytes(60, 8), "unknown_link_type 0000 0/0/0"},
  };
}

}  // namespace

std::vector<GoldenPacket> golden_link_types() {
  std::vector<GoldenPacket> all;
  for (auto part : {serial_lines, wifi_frames, wifi_behind_captures, wrapped_and_rare})
    for (GoldenPacket& packet : part()) all.push_back(std::move(packet));
  return all;
}

}  // namespace tapline::test
