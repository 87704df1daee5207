// decode_dump FILE: one line a packet with what the decoder found, tab-separated, for decode_tshark to
// compare: of each frame, and behind it of what it carries in tunnels (layer 1, 2, ...), whose offsets count
// from its own first byte. The first line names the columns. A damaged file gives its whole frames, then its
// error on stderr and exit code 1.

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <span>

#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/packet_layers.hpp"
#include "capture/packet/tunnel_id.hpp"

namespace {

using namespace tapline;

constexpr const char* kColumns =
    "layer\ttunnel\tlink\twire\tcaptured\tstatus\tethertype\tflags\tsrc\tdst\tproto\tsrc_port\tdst_port\tip_"
    "bytes\tpayload_"
    "bytes\t"
    "ttl\tip_id\tfragment_offset\tvlan_count\tvlan1\tvlan2\tmpls_count\tmpls_label\tpppoe\ttcp_flags\ttcp_"
    "seq\t"
    "tcp_ack\ttcp_window\ticmp_type\ticmp_code\tl3\tl4\tpayload\n";

void print_packet(int layer, const Frame& frame, const PacketMeta& meta) {
  std::string source;
  std::string destination;
  if (meta.status == DecodeStatus::kIp) {
    IpAddress addresses[2];
    load_addresses(frame, meta, addresses[0], addresses[1]);
    source = format_address(addresses[0]);
    destination = format_address(addresses[1]);
  }
  fmt::print("{}\t{}\t", layer, format_tunnel_id(meta.tunnel_id));
  fmt::print(
      "{}\t{}\t{}\t{}\t{:04x}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}"
      "\t{}\t{}\t{}"
      "\t{}\t{}\t{}\n",
      frame.link_type, frame.wire_bytes, frame.captured_bytes, decode_status_name(meta.status),
      meta.ethertype, meta.flags, source, destination, meta.ip_proto, meta.src_port, meta.dst_port,
      meta.ip_bytes, meta.payload_bytes, meta.ttl, meta.ip_id, meta.fragment_offset, meta.vlan_count,
      meta.vlan_tci[0] & 0xfff, meta.vlan_tci[1] & 0xfff, meta.mpls_count, meta.mpls_label,
      meta.pppoe_session, meta.tcp_flags, meta.tcp_seq, meta.tcp_ack, meta.tcp_window, meta.icmp_type,
      meta.icmp_code, meta.l3_offset, meta.l4_offset, meta.payload_offset);
}

void print_frame(const Frame& frame, const PacketMeta& meta) {
  int layer = 0;
  any_packet(frame, meta, [&layer](const Frame& packet, const PacketMeta& packet_meta) {
    print_packet(layer++, packet, packet_meta);
    return false;
  });
}

int dump(FrameSource& source) {
  std::array<Frame, kBurstFramesMax> frames;
  std::array<PacketMeta, kBurstFramesMax> metas;
  for (bool end = false; !end;) {
    const auto polled = source.poll(frames);
    if (!polled) {
      fmt::print(stderr, "{}\n", polled.error().context);
      return 1;
    }
    end = polled->end;
    const std::size_t count = polled->frames;
    decode_burst(std::span(frames.data(), count), std::span(metas.data(), count));
    for (std::size_t i = 0; i < count; ++i) print_frame(frames[i], metas[i]);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: decode_dump FILE\n");
    return 2;
  }
  auto source = open_capture_file(argv[1]);
  if (!source) {
    fmt::print(stderr, "{}\n", source.error().context);
    return 1;
  }
  fmt::print("{}", kColumns);
  return dump(**source);
}
