#pragma once
// Decoded frames made by hand for tests of the flow table: as bytes an IP header (the key is read from it)
// and TCP's (SYN signatures are), and the PacketMeta that the decoder would give. And a driver that feeds
// them and collects records.

#include <array>
#include <memory>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "flowgen/flow_table.hpp"

namespace tapline::flowgen {

constexpr TimeNs kMs = kNsPerMillisecond;
constexpr TimeNs kSecond = kNsPerSecond;
/// A time of day for tests whose times are small.
constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;

enum : std::uint8_t {
  kFin = 0x01,
  kSyn = 0x02,
  kRst = 0x04,
  kPsh = 0x08,
  kAck = 0x10,
  kEce = 0x40,
  kCwr = 0x80
};

struct Packet {
  TimeNs time_ns = 0;
  std::uint32_t source = 0x0a000001;  // last four bytes of the address
  std::uint32_t destination = 0x0a000002;
  std::uint16_t source_port = 40'000;
  std::uint16_t destination_port = 80;
  std::uint8_t ip_proto = kIpProtoTcp;
  std::uint8_t tcp_flags = 0;
  std::uint32_t tcp_seq = 0;
  std::uint32_t tcp_ack = 0;
  std::uint16_t tcp_window = 8192;
  std::uint32_t payload_bytes = 0;
  std::uint8_t ttl = 64;
  bool ipv6 = false;
  bool ipv6_multicast = false;  // destination ff02::<destination>
  bool first_fragment = false;  // of several
  bool later_fragment = false;
  bool has_transport_header = false;  // of other protocols than TCP: 20 bytes of it, as of TCP, were captured
  std::uint8_t tcp_header_bytes = 20;
  std::uint16_t ip_id = 0;
  std::uint16_t vlan = 0;  // 0: none
  std::uint32_t tunnel_id = 0;
  bool bad_checksum = false;
  DecodeStatus status = DecodeStatus::kIp;
  std::vector<std::uint8_t> payload;  // captured bytes behind the headers

  /// The answer: endpoints exchanged.
  Packet reply() const {
    Packet packet = *this;
    std::swap(packet.source, packet.destination);
    std::swap(packet.source_port, packet.destination_port);
    return packet;
  }
  Packet at(TimeNs new_time_ns) const {
    Packet packet = *this;
    packet.time_ns = new_time_ns;
    return packet;
  }
  Packet with_flags(int flags, std::uint32_t seq = 0) const {
    Packet packet = *this;
    packet.tcp_flags = static_cast<std::uint8_t>(flags);
    packet.tcp_seq = seq;
    return packet;
  }
};

constexpr std::uint32_t kLinkBytes = 14;

inline std::uint32_t ip_header_bytes(const Packet& packet) {
  return packet.ipv6 ? 40 : 20;
}
/// Of other protocols than TCP the header is left out unless asked for.
inline std::uint32_t transport_header_bytes(const Packet& packet) {
  const bool segment = packet.ip_proto == kIpProtoTcp && !packet.later_fragment;
  return segment || packet.has_transport_header ? 20 : 0;
}
inline void write_transport_header(const Packet& packet, std::uint8_t* tcp) {
  store_be16(tcp, packet.source_port);
  store_be16(tcp + 2, packet.destination_port);
  store_be32(tcp + 4, packet.tcp_seq);
  store_be32(tcp + 8, packet.tcp_ack);
  tcp[12] = static_cast<std::uint8_t>(packet.tcp_header_bytes / 4 << 4);
  tcp[13] = packet.tcp_flags;
  store_be16(tcp + 14, packet.tcp_window);
}

inline std::vector<std::uint8_t> make_bytes(const Packet& packet) {
  std::vector<std::uint8_t> bytes(kLinkBytes + ip_header_bytes(packet) + transport_header_bytes(packet));
  std::uint8_t* const ip = bytes.data() + kLinkBytes;
  ip[0] = packet.ipv6 ? 0x60 : 0x45;
  if (packet.ipv6) {
    ip[8] = 0x20;
    store_be32(ip + 20, packet.source);
    ip[24] = packet.ipv6_multicast ? 0xff : 0x20;
    store_be32(ip + 36, packet.destination);
  } else {
    store_be32(ip + 12, packet.source);
    store_be32(ip + 16, packet.destination);
  }
  if (transport_header_bytes(packet) != 0) write_transport_header(packet, ip + ip_header_bytes(packet));
  bytes.insert(bytes.end(), packet.payload.begin(), packet.payload.end());
  return bytes;
}

inline PacketMeta make_meta(const Packet& packet) {
  PacketMeta meta{};
  meta.status = packet.status;
  meta.l3_offset = kLinkBytes;
  meta.l4_offset = static_cast<std::uint16_t>(kLinkBytes + ip_header_bytes(packet));
  meta.payload_offset = static_cast<std::uint16_t>(meta.l4_offset + transport_header_bytes(packet));
  meta.flags = packet.ipv6 ? kMetaIpv6 : kMetaIpv4;
  if (packet.first_fragment) meta.flags |= kMetaFragment;
  if (packet.later_fragment) {
    meta.flags |= kMetaFragment | kMetaLaterFragment;
  } else {
    meta.src_port = packet.source_port;
    meta.dst_port = packet.destination_port;
    meta.tcp_flags = packet.tcp_flags;
    meta.tcp_seq = packet.tcp_seq;
    meta.tcp_ack = packet.tcp_ack;
    meta.tcp_window = packet.tcp_window;
    meta.flags |= kMetaL4;
  }
  meta.ip_proto = packet.ip_proto;
  meta.ttl = packet.ttl;
  meta.ip_id = packet.ip_id;
  meta.tunnel_id = packet.tunnel_id;
  if (packet.vlan != 0) {
    meta.vlan_count = 1;
    meta.vlan_tci[0] = packet.vlan;
    meta.envelope_hash = packet.vlan * 0x9e3779b1u;
  }
  if (packet.bad_checksum) meta.flags |= kMetaBadChecksum;
  meta.payload_bytes = packet.payload_bytes;
  meta.ip_bytes = packet.payload_bytes + 40;
  return meta;
}

/// Gives order keys as sources do.
class OrderKeeper {
 public:
  OrderKey next(TimeNs time_ns) {
    if (first_ || time_ns > key_.time_ns)
      key_ = {time_ns, 0};
    else
      ++key_.count;
    first_ = false;
    return key_;
  }

 private:
  OrderKey key_;
  bool first_ = true;
};

/// Feeds packets in bursts and collects all records. Checks the table's book on the way out.
class Driver {
 public:
  explicit Driver(const FlowTableConfig& config = small_config()) : table_(*FlowTable::create(config)) {}

  static FlowTableConfig small_config() {
    FlowTableConfig config;
    config.flows_max = 4096;
    config.hash_seed = 7;
    config.sensor_id = 42;
    config.worker = 3;
    config.link = 9;
    config.count_copies = true;  // equal packets are packets
    return config;
  }

  void add(const Packet& packet) {
    bytes_.push_back(make_bytes(packet));
    metas_.push_back(make_meta(packet));
    Frame frame;
    frame.time_ns = packet.time_ns;
    frame.captured_bytes = static_cast<std::uint32_t>(bytes_.back().size());
    frame.wire_bytes = packet.payload_bytes + 54;
    frame.order = order_.next(packet.time_ns);
    frames_.push_back(frame);
    if (frames_.size() == kBurstFramesMax) flush();
  }

  /// Ends the burst.
  void flush() {
    if (frames_.empty()) return;
    for (std::size_t i = 0; i < frames_.size(); ++i) frames_[i].data = bytes_[i].data();
    hits_.resize(frames_.size());
    table_->update(frames_, metas_, hits_);
    drain();
    order_time_ns_ = frames_.back().order.time_ns;
    frames_.clear();
    metas_.clear();
    bytes_.clear();
  }

  void send(const Packet& packet) {
    add(packet);
    flush();
  }

  /// Runs the timers by the frames' clock.
  void run_timers(std::uint32_t records_max = FlowTable::kRecordsPerAdvanceMax) {
    bool more = true;
    while (more) {
      more = table_->advance(records_max);
      drain();
    }
  }
  /// An idle link: no frame has come since order time, and now it is `now_ns`.
  void idle_until(TimeNs now_ns) {
    table_->observe_idle(now_ns - order_time_ns_);
    run_timers();
  }

  const std::vector<SessionRecord>& finish(std::uint32_t records_max = FlowTable::kRecordsPerAdvanceMax) {
    flush();
    bool more = true;
    while (more) {
      more = table_->finish(records_max);
      drain();
    }
    return records;
  }

  FlowTable& table() { return *table_; }
  const std::vector<FlowHit>& hits() const { return hits_; }

  std::vector<SessionRecord> records;

 private:
  void drain() {
    const auto written = table_->records();
    records.insert(records.end(), written.begin(), written.end());
    table_->clear_records();
  }

  std::unique_ptr<FlowTable> table_;
  OrderKeeper order_;
  TimeNs order_time_ns_ = 0;
  std::vector<std::vector<std::uint8_t>> bytes_;
  std::vector<Frame> frames_;
  std::vector<PacketMeta> metas_;
  std::vector<FlowHit> hits_;
};

/// Copies of packets are counted apart.
inline FlowTableConfig apart_config() {
  FlowTableConfig config = Driver::small_config();
  config.count_copies = false;
  return config;
}

}  // namespace tapline::flowgen
