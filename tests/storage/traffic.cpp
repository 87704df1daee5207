#include "tests/storage/traffic.hpp"

#include <initializer_list>

#include "capture/packet/decode.hpp"
#include "capture/packet/key_layout.hpp"
#include "capture/packet/packet_layers.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint8_t kProtos[] = {6, 17, 6, 17, 132, 1, 47};

// Not vector::insert: g++ 12 warns of an overflow where it inlines that.
void put_all(ByteBuffer& out, std::initializer_list<std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) out.push_back(byte);
}

void put_each(ByteBuffer& out, Bytes bytes) {
  for (const std::uint8_t byte : bytes) out.push_back(byte);
}

void put_be16(ByteBuffer& out, std::uint64_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_be32(ByteBuffer& out, std::uint64_t value) {
  put_be16(out, value >> 16);
  put_be16(out, value);
}

void put_ethernet(ByteBuffer& out, std::uint16_t ethertype) {
  put_all(out, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2});
  put_be16(out, ethertype);
}

void put_ipv4(ByteBuffer& out, std::uint8_t proto, std::uint32_t source, std::uint32_t destination,
              std::size_t body_bytes, std::uint16_t id = 0, std::uint16_t fragment = 0) {
  put_all(out, {0x45, 0});
  put_be16(out, 20 + body_bytes);
  put_be16(out, id);
  put_be16(out, fragment);
  put_all(out, {64, proto, 0, 0});
  put_be32(out, source);
  put_be32(out, destination);
}

void put_ipv6(ByteBuffer& out, std::uint8_t proto, std::uint64_t source, std::uint64_t destination,
              std::size_t body_bytes) {
  put_be32(out, 0x60000000);
  put_be16(out, body_bytes);
  put_all(out, {proto, 64});
  for (const std::uint64_t low : {source, destination}) {
    put_be32(out, 0x20010db8);
    put_be32(out, low % 5 << 16);  // several /48
    put_be32(out, 0);
    put_be32(out, low);
  }
}

/// Header and payload of `proto`, whose first four bytes are the ports where it has some. TCP's checksum is
/// any number.
ByteBuffer make_transport(std::uint8_t proto, std::uint16_t source_port, std::uint16_t destination_port,
                          std::size_t payload_bytes, std::uint8_t fill, std::uint16_t checksum = 0) {
  ByteBuffer body;
  put_be16(body, proto == 1 ? 0x0800 : source_port);  // ICMP: echo request
  put_be16(body, destination_port);
  if (proto == 17) {
    put_be16(body, 8 + payload_bytes);
    put_be16(body, 0);
  } else {
    put_be32(body, 1000);
    put_be32(body, 2000);
    put_all(body, {0x50, 0x10, 1, 0});
    put_be16(body, checksum);
    put_be16(body, 0);
  }
  body.resize(body.size() + payload_bytes, fill);
  return body;
}

ByteBuffer make_arp(std::uint32_t sender, std::uint32_t target) {
  ByteBuffer frame;
  put_ethernet(frame, 0x0806);
  put_all(frame, {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2});
  put_be32(frame, sender);
  frame.insert(frame.end(), 6, 0);
  put_be32(frame, target);
  return frame;
}

void insert_tags(ByteBuffer& frame, std::initializer_list<std::uint8_t> tags) {
  frame.insert(frame.begin() + 12, tags.begin(), tags.end());
}

}  // namespace

Frame TestFrame::view(std::uint16_t link_type) const {
  Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = static_cast<std::uint32_t>(bytes.size());
  frame.wire_bytes = wire_bytes;
  frame.time_ns = time_ns;
  frame.order = order;
  frame.link_type = link_type;
  return frame;
}

ByteBuffer make_udp_frame(std::uint32_t source, std::uint32_t destination, std::uint16_t source_port,
                          std::uint16_t destination_port, std::size_t payload_bytes) {
  ByteBuffer frame;
  put_ethernet(frame, 0x0800);
  put_ipv4(frame, 17, source, destination, 8 + payload_bytes);
  put_bytes(frame, make_transport(17, source_port, destination_port, payload_bytes, 0x55));
  return frame;
}

ByteBuffer Traffic::make_ip(std::uint64_t flow) {
  const std::uint8_t proto = kProtos[flow % std::size(kProtos)];
  const bool forward = number(2) == 0;
  const auto client_port = static_cast<std::uint16_t>(flow % 11 == 0 ? 0 : 40000 + flow);
  const auto server_port = static_cast<std::uint16_t>(flow % 11);  // 0 too: a port is only a number
  const ByteBuffer body =
      make_transport(proto, forward ? client_port : server_port, forward ? server_port : client_port,
                     number(300), static_cast<std::uint8_t>(random_()), ++frame_number_);
  ByteBuffer frame;
  if (flow % 3 == 0) {
    const std::uint64_t ends[2] = {flow, flow + 1000};
    put_ethernet(frame, 0x86dd);
    put_ipv6(frame, proto, ends[forward ? 0 : 1], ends[forward ? 1 : 0], body.size());
  } else {
    const auto client = static_cast<std::uint32_t>(0x0a000000 + flow);
    const auto server = static_cast<std::uint32_t>(0xcb007100 + flow % 7);
    // Of twenty one is a first fragment, and one a later one: of the last datagram, if there was any.
    const std::uint64_t kind = number(20);
    std::uint16_t& last_id = fragment_ids_[{flow, forward}];
    if (kind == 0) last_id = frame_number_;
    const std::uint16_t id = kind == 1 && last_id != 0 ? last_id : frame_number_;
    put_ethernet(frame, 0x0800);
    put_ipv4(frame, proto, forward ? client : server, forward ? server : client, body.size(), id,
             kind == 0   ? 0x2000
             : kind == 1 ? 0x2010
                         : 0);
  }
  put_bytes(frame, body);
  return frame;
}

ByteBuffer Traffic::make_icmp_error(std::uint64_t flow) {
  const ByteBuffer quoted = make_ip(flow - flow % 3 + 1);  // an IPv4 one
  const std::size_t quote_bytes = number(2) == 0 ? 28 : quoted.size() - 14;
  ByteBuffer frame;
  put_ethernet(frame, 0x0800);
  put_ipv4(frame, 1, 0xc0000201, 0x0a000000 + static_cast<std::uint32_t>(flow % 4), 8 + quote_bytes,
           ++frame_number_);
  put_all(frame, {3, 1, 0, 0, 0, 0, 0, 0});
  put_bytes(frame, Bytes(quoted).subspan(14, quote_bytes));
  return frame;
}

/// Between a few ends, whichever of them: the packets of one flow come by several.
ByteBuffer Traffic::make_tunnel(std::uint64_t flow) {
  ByteBuffer inner = make_ip(flow % 20);
  const bool ipv6 = inner[12] == 0x86;
  const std::uint64_t kind = number(3);
  ByteBuffer content;
  if (kind == 0) {
    put_be16(content, 50'000 + number(4));
    put_be16(content, 4789);
    put_be16(content, 16 + inner.size());
    put_all(content, {0, 0, 8, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(number(2)), 0});
    put_each(content, inner);
  } else {
    if (kind == 1) put_all(content, {0, 0, inner[12], inner[13]});
    put_each(content, Bytes(inner).subspan(14));
  }
  const auto proto = static_cast<std::uint8_t>(kind == 0 ? 17 : kind == 1 ? 47 : ipv6 ? 41 : 4);
  ByteBuffer frame;
  put_ethernet(frame, 0x0800);
  put_ipv4(frame, proto, 0xac100001 + static_cast<std::uint32_t>(number(3)), 0xac100101, content.size(),
           ++frame_number_);
  put_each(frame, content);
  return frame;
}

ByteBuffer Traffic::make_frame() {
  const std::uint64_t flow = number(200);
  const std::uint64_t choice = number(40);
  ByteBuffer frame;
  if (choice == 0) return make_arp(static_cast<std::uint32_t>(0x0a000000 + flow), 0x0a0000fe);
  if (choice == 1) {
    frame.assign(60, 0x42);
    frame[12] = 0;
    frame[13] = 46;  // LLC
    return frame;
  }
  if (choice == 2) {
    put_ethernet(frame, static_cast<std::uint16_t>(0x8800 + number(4)));
    frame.resize(60);
    return frame;
  }
  if (choice < 5) return make_tunnel(flow);
  frame = choice < 8 ? make_icmp_error(flow) : make_ip(flow);
  const auto vlan = static_cast<std::uint8_t>(number(6));
  if (choice >= 35) insert_tags(frame, {0x81, 0, 0x20, vlan});
  if (choice >= 38) insert_tags(frame, {0x88, 0xa8, 0, static_cast<std::uint8_t>(100 + number(4))});
  if (choice == 34) {
    frame[12] = 0x88;
    frame[13] = 0x47;
    frame.insert(frame.begin() + 14, {0, 1, static_cast<std::uint8_t>(vlan << 4 | 1), 64});
  }
  return frame;
}

TestFrame Traffic::next() {
  TestFrame frame;
  frame.bytes = make_frame();
  frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
  if (number(30) == 0) {
    frame.bytes.resize(number(frame.bytes.size() + 1));
    frame.cut = number(2) == 0;
  }
  now_ns_ += number(6) == 0 ? 0 : static_cast<TimeNs>(number(1'000'000));
  frame.time_ns = number(50) == 0 ? now_ns_ - static_cast<TimeNs>(number(3 * kNsPerSecond)) : now_ns_;
  frame.opaque = number(2) == 0;
  return frame;
}

std::vector<TestFrame> Traffic::take(std::size_t count) {
  std::vector<TestFrame> frames;
  for (std::size_t i = 0; i < count; ++i) frames.push_back(next());
  number_frames(frames);
  return frames;
}

void number_frames(std::vector<TestFrame>& frames) {
  OrderKey order;
  bool first = true;
  for (TestFrame& frame : frames) {
    const bool later = first || frame.time_ns > order.time_ns;
    order = later ? OrderKey{frame.time_ns, 0} : OrderKey{order.time_ns, order.count + 1};
    frame.order = order;
    first = false;
  }
}

FlowHit TestFlows::find_packet(const TestFrame& frame, const Frame& view, const PacketMeta& meta) {
  FlowHit hit{};
  hit.header_bytes = meta.payload_offset;
  if (meta.status == DecodeStatus::kIp) {
    FlowKey key;
    hit.direction = make_flow_key(view, meta, 0, key);
    if (meta.has(kMetaFragment)) {
      const FlowKey own = key;
      FlowKey& first = firsts_[{flow_fingerprint(fragment_key(own)), hit.direction, meta.ip_id}];
      if (meta.is_first_fragment()) first = own;
      if (first.ip_proto != 0) key = first;
      hit.joined = key != own;
    }
    hit.fingerprint = flow_fingerprint(key);
    hit.content_class = frame.opaque ? ContentClass::kOpaque : ContentClass::kClear;
    std::array<std::uint8_t, 44> name{};
    store_key_layout(name.data(), key);
    name[39] = static_cast<std::uint8_t>(hit.direction);
    store_le(name.data() + 40, key.tunnel_id);
    hit.slot = &slots_[name];
  }
  return hit;
}

TestFlows::Found TestFlows::find(const TestFrame& frame, const Frame& view) {
  Found found;
  PacketMeta meta;
  decode(view, meta);
  any_packet(view, meta, [&](const Frame& packet, const PacketMeta& packet_meta) {
    const FlowHit hit = find_packet(frame, packet, packet_meta);
    if (found.packets.empty() || hit.slot != nullptr) found.hit = hit;
    if (hit.slot != nullptr) {
      found.hit.header_bytes = static_cast<std::uint16_t>(found.hit.header_bytes + (packet.data - view.data));
    }
    found.packets.push_back(packet_meta);
    return false;
  });
  return found;
}

Status TestPipeline::append(const TestFrame& frame) {
  const Frame view = frame.view();
  const TestFlows::Found found = flows_.find(frame, view);
  return writer_.append(view, found.packets, found.hit, frame.frame_cut());
}

Status TestPipeline::append_all(const std::vector<TestFrame>& frames) {
  for (const TestFrame& frame : frames) TAPLINE_TRY(append(frame));
  return {};
}

}  // namespace tapline::storage
