#include "storage/frame_keys.hpp"

#include <catch2/catch.hpp>
#include <memory>

#include "capture/packet/decode.hpp"
#include "tests/storage/index_check.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

bool holds(const FrameKeys& keys, IndexKey wanted) {
  return std::ranges::any_of(
      keys.keys(), [&](const IndexKey& key) { return key.kind == wanted.kind && key.value == wanted.value; });
}

std::uint64_t flow_value(std::uint32_t source, std::uint32_t destination, std::uint16_t source_port,
                         std::uint16_t destination_port, std::uint8_t proto) {
  FlowKey key;
  key.address_a = IpAddress::from_v4(source);
  key.address_b = IpAddress::from_v4(destination);
  key.port_a = source_port;
  key.port_b = destination_port;
  key.ip_proto = proto;
  canonicalise(key);
  return flow_key_value(flow_fingerprint(key));
}

constexpr std::uint32_t kClient = 0x0a000001;
constexpr std::uint32_t kServer = 0x0a000002;

/// An ICMP "host unreachable" from a router about `quoted` (an IP packet), of which it repeats `quote_bytes`.
ByteBuffer make_unreachable(Bytes quoted, std::size_t quote_bytes) {
  ByteBuffer frame = make_udp_frame(0xc0000201, kClient, 0x0301, 0, quote_bytes);
  frame[23] = 1;  // ICMP
  std::copy_n(quoted.begin(), quote_bytes, frame.begin() + 14 + 20 + 8);
  return frame;
}

void check_flow_keys(const FrameKeys& keys, std::uint8_t proto) {
  CHECK(holds(keys, {IndexKeyKind::kFlow, flow_value(kClient, kServer, 1000, 53, proto)}));
  CHECK(holds(keys, {IndexKeyKind::kIpv4, kClient}));
  CHECK(holds(keys, {IndexKeyKind::kIpv4, kServer}));
  CHECK(holds(keys, {IndexKeyKind::kIpProto, proto}));
  CHECK(holds(keys, {IndexKeyKind::kProtoPort, proto_port_key_value(proto, 1000)}));
  CHECK(holds(keys, {IndexKeyKind::kProtoPort, proto_port_key_value(proto, 53)}));
}

}  // namespace

TEST_CASE("an IP frame is found by flow, addresses, protocol and ports") {
  const FrameKeys keys = keys_of(make_udp_frame(kClient, kServer, 1000, 53, 10));
  check_flow_keys(keys, 17);
  CHECK(keys.keys().size() == 6);
}

TEST_CASE("both directions of a conversation have the same keys") {
  check_flow_keys(keys_of(make_udp_frame(kServer, kClient, 53, 1000, 10)), 17);
}

TEST_CASE("a VLAN id and an MPLS label are keys beside those of the packet within") {
  ByteBuffer tagged = make_udp_frame(kClient, kServer, 1000, 53, 10);
  const std::uint8_t tags[] = {0x88, 0xa8, 0x60, 7, 0x81, 0, 0, 9};
  tagged.insert(tagged.begin() + 12, std::begin(tags), std::end(tags));
  const FrameKeys keys = keys_of(tagged);
  check_flow_keys(keys, 17);
  CHECK(holds(keys, {IndexKeyKind::kVlan, 7}));  // without its priority bits
  CHECK(holds(keys, {IndexKeyKind::kVlan, 9}));

  ByteBuffer labelled = make_udp_frame(kClient, kServer, 1000, 53, 10);
  labelled[12] = 0x88;
  labelled[13] = 0x47;
  const std::uint8_t label[] = {0x12, 0x34, 0x51, 64};
  labelled.insert(labelled.begin() + 14, std::begin(label), std::end(label));
  const FrameKeys label_keys = keys_of(labelled);
  check_flow_keys(label_keys, 17);
  CHECK(holds(label_keys, {IndexKeyKind::kMplsLabel, 0x12345}));
}

TEST_CASE("ARP is found by both addresses and its ethertype") {
  ByteBuffer arp(60);
  const std::uint8_t body[] = {8, 6,  0, 1, 8, 0, 6, 4, 0, 1, 2, 0,  0, 0, 0,
                               1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
  std::ranges::copy(body, arp.begin() + 12);
  const FrameKeys keys = keys_of(arp);
  CHECK(holds(keys, {IndexKeyKind::kEthertype, 0x0806}));
  CHECK(holds(keys, {IndexKeyKind::kIpv4, kClient}));
  CHECK(holds(keys, {IndexKeyKind::kIpv4, kServer}));
  CHECK(keys.keys().size() == 3);
}

TEST_CASE("an ICMP error is found by the conversation it quotes, also by the shortest quote") {
  for (const std::uint8_t proto : {6, 17, 132}) {
    ByteBuffer quoted = make_udp_frame(kClient, kServer, 1000, 53, 200);
    quoted[23] = proto;
    // RFC 792: the IP header and 64 bits; RFC 1812, 4.3.2.3: as much as fits
    for (const std::size_t quote_bytes : {std::size_t{28}, std::size_t{40}, std::size_t{100}}) {
      CAPTURE(static_cast<int>(proto), quote_bytes);
      const FrameKeys keys = keys_of(make_unreachable(Bytes(quoted).subspan(14), quote_bytes));
      check_flow_keys(keys, proto);
      CHECK(holds(keys, {IndexKeyKind::kIpv4, 0xc0000201}));
      CHECK(holds(keys, {IndexKeyKind::kIpProto, 1}));
    }
  }
}

TEST_CASE("a quote without ports or of a later fragment has no port keys") {
  ByteBuffer quoted = make_udp_frame(kClient, kServer, 1000, 53, 200);
  quoted[21] = 9;  // fragment offset
  const FrameKeys keys = keys_of(make_unreachable(Bytes(quoted).subspan(14), 28));
  CHECK(holds(keys, {IndexKeyKind::kIpv4, kServer}));
  CHECK_FALSE(holds(keys, {IndexKeyKind::kProtoPort, proto_port_key_value(17, 53)}));
  quoted[21] = 0;
  CHECK_FALSE(holds(keys_of(make_unreachable(Bytes(quoted).subspan(14), 22)),
                    {IndexKeyKind::kProtoPort, proto_port_key_value(17, 53)}));
}

TEST_CASE("no frame lacks a key in the index: index against full scan") {
  const auto seed = GENERATE(range(1u, 5u));
  CAPTURE(seed);
  Traffic traffic(seed);
  FrameSegmentConfig config;
  config.block_bytes = static_cast<std::uint32_t>(2048 << traffic.number(7));
  config.segment_bytes_max = 150'000 + traffic.number(1'000'000);
  config.compress = false;
  const TemporaryFolder folder;
  write_segments(folder.path(), traffic.take(2500), config);
  for (const std::string& path : list_files(folder.path(), kPacketSuffix)) check_no_false_negative(path);
}

TEST_CASE("port 0 is found behind a frame that was cut in front of its ports") {
  std::vector<TestFrame> frames(2);
  for (TestFrame& frame : frames) frame.bytes = make_udp_frame(kClient, kServer, 0, 0, 10);
  frames[0].bytes.resize(14 + 20);  // the same flow as far as anybody can tell
  number_frames(frames);
  const TemporaryFolder folder;
  write_segments(folder.path(), frames);
  check_no_false_negative(only_file(folder.path(), kPacketSuffix));
}

TEST_CASE("frames whose flow has no slot are found, too") {
  Traffic traffic(20);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.directory = config.index_directory = folder.path();
  FrameSegmentWriter writer(config);
  for (const TestFrame& frame : traffic.take(200)) {
    const Frame view = frame.view();
    PacketMeta meta;
    decode(view, meta);
    FlowHit hit{};
    hit.fingerprint = frame_fingerprint(view, meta);
    REQUIRE(writer.append(view, meta, hit).ok());
  }
  REQUIRE(writer.finish().ok());
  check_no_false_negative(only_file(folder.path(), kPacketSuffix));
}

TEST_CASE("a flow seen on two ports is found in the segments of both") {
  // Interfaces that show the same link share a flow, and so its slot, but write segments of their own.
  const TemporaryFolder folders[2];
  std::vector<std::unique_ptr<FrameSegmentWriter>> writers;
  for (const TemporaryFolder& folder : folders) {
    FrameSegmentConfig config;
    config.directory = config.index_directory = folder.path();
    writers.push_back(std::make_unique<FrameSegmentWriter>(config));
  }
  AppendSlot slot{};
  TestFrame frame;
  frame.bytes = make_udp_frame(kClient, kServer, 1000, 53, 10);
  const Frame view = frame.view();
  PacketMeta meta;
  decode(view, meta);
  FlowKey key;
  make_flow_key(view, meta, 0, key);
  const FlowHit hit{&slot, flow_fingerprint(key), ContentClass::kClear, Direction::kAToB, 42, 0, false};
  for (const auto& writer : writers) REQUIRE(writer->append(view, meta, hit).ok());
  for (const auto& writer : writers) REQUIRE(writer->finish().ok());
  for (const TemporaryFolder& folder : folders)
    check_no_false_negative(only_file(folder.path(), kPacketSuffix));
}

TEST_CASE("a first fragment is found by the flow of those that follow it, too") {
  ByteBuffer first = make_udp_frame(kClient, kServer, 1000, 53, 200);
  first[20] = 0x20;  // more fragments
  ByteBuffer later = first;
  later[20] = 0;
  later[21] = 9;
  const FrameKeys keys = keys_of(first);
  check_flow_keys(keys, 17);
  CHECK(keys.keys().size() == 7);
  const IndexKey fragments = keys_of(later).keys().front();
  REQUIRE(fragments.kind == IndexKeyKind::kFlow);
  CHECK(holds(keys, fragments));
}
