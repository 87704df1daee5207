#include "sensor/cutoff_policy.hpp"

#include <catch2/catch.hpp>

#include "capture/packet/decode.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::test;

namespace {

std::string refusal(const std::string& cutoff, const std::vector<std::string>& rules) {
  const Result<CutoffPolicy> policy = CutoffPolicy::parse(cutoff, rules);
  REQUIRE(!policy.ok());
  CHECK(policy.error().code == ErrorCode::kInvalid);
  return policy.error().context;
}

Frame view(const ByteBuffer& bytes) {
  Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  return frame;
}

/// A flow's direction, asked frame by frame.
class OneDirection {
 public:
  explicit OneDirection(const CutoffPolicy& policy) : policy_(policy) {}

  CutoffPolicy::Kept keep(const ByteBuffer& bytes, std::uint32_t before = 0, bool joined = false) {
    const Frame frame = view(bytes);
    PacketMeta meta;
    decode(frame, meta);
    const FlowHit hit{&slot_, 1,     ContentClass::kClear, Direction::kAToB, meta.payload_offset, before,
                      false,  joined};
    return policy_.keep(frame, meta, meta, hit);
  }

 private:
  const CutoffPolicy& policy_;
  AppendSlot slot_{};
};

PacketBuilder tcp(std::uint16_t port, std::uint8_t flags = kTcpAck) {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(50000, port, flags);
}
constexpr std::uint32_t kTcpHeaders = 14 + 20 + 20;

}  // namespace

TEST_CASE("a policy is written out in one line, and none at all keeps everything") {
  CHECK_FALSE(must(CutoffPolicy::parse("", {})).any());
  CHECK_FALSE(must(CutoffPolicy::parse("all", {})).any());
  CHECK(must(CutoffPolicy::parse("64KiB", {})).text() == "cutoff 64KiB");
  CHECK(must(CutoffPolicy::parse("none", {" tcp and port 443 = 1MiB ", "net 10.0.0.0/8=all"})).text() ==
        "cutoff tcp and port 443=1MiB, net 10.0.0.0/8=all, else none");
  CHECK(must(CutoffPolicy::parse("", {"udp=headers"})).text() == "cutoff udp=headers, else all");
}

TEST_CASE("what cannot be decided when a session begins, or is no policy, is refused with the remedy") {
  CHECK(refusal("", {"less 100=none"}).find("begins") != std::string::npos);
  CHECK(refusal("", {"duration > 5s=none"}).find("begins") != std::string::npos);
  CHECK(refusal("", {"port 80"}).find("FILTER=POLICY") != std::string::npos);
  CHECK(refusal("", {"=none"}).find("--cutoff none") != std::string::npos);
  CHECK(refusal("", {"port 80=some"}).find("headers") != std::string::npos);
  CHECK(refusal("", {"portal 80=all"}).find("column") != std::string::npos);
  CHECK(refusal("4GiB", {}).find("below 4GiB") != std::string::npos);
  std::string ports = "port 1000";
  for (int port = 1001; port < 1100; ++port) ports += " or port " + std::to_string(port);
  CHECK(refusal("", std::vector<std::string>(20, ports + "=all")).find("16384") != std::string::npos);
}

TEST_CASE("the first rule that matches a direction's first frame decides about all of it") {
  const CutoffPolicy policy = must(CutoffPolicy::parse("8", {"dst port 80=headers", "port 80=all"}));
  const ByteBuffer request = tcp(80).payload(100).bytes();
  OneDirection to_server(policy);
  CHECK(to_server.keep(request).bytes == kTcpHeaders);
  CHECK(to_server.keep(tcp(99).payload(100).bytes()).bytes == kTcpHeaders);  // it is not asked again
  OneDirection other(policy);
  CHECK(other.keep(tcp(99).payload(100).bytes()).bytes == kTcpHeaders + 8);
  CHECK(other.keep(tcp(99).payload(100).bytes(), 5).bytes == kTcpHeaders + 3);
  CHECK(other.keep(tcp(99).payload(100).bytes(), UINT32_MAX).bytes == kTcpHeaders);
}

TEST_CASE("a later fragment, which does not show the ports of its flow, decides about itself only") {
  const CutoffPolicy policy = must(CutoffPolicy::parse("none", {"port 80=all"}));
  const ByteBuffer later = PacketBuilder()
                               .eth()
                               .ipv4("10.0.0.1", "10.0.0.2", {.fragment_offset = 1480})
                               .ip_proto(kIpProtoTcp)
                               .payload(50)
                               .bytes();
  OneDirection joined(policy);
  CHECK_FALSE(joined.keep(later, 0, true).stored);
  CHECK(joined.keep(tcp(80).payload(100).bytes()).stored);
  CHECK(joined.keep(later, 0, true).stored);
}

TEST_CASE("TCP's control frames are stored whatever the policy says, with all of their headers") {
  const CutoffPolicy policy = must(CutoffPolicy::parse("none", {}));
  for (const std::uint8_t flags : {kTcpSyn, kTcpFin, kTcpRst}) {
    OneDirection direction(policy);
    TcpFields options;
    options.option_words = 3;
    const auto kept = direction.keep(PacketBuilder()
                                         .eth()
                                         .vlan(5)
                                         .ipv4("10.0.0.1", "10.0.0.2")
                                         .tcp(1, 2, static_cast<std::uint8_t>(flags | kTcpAck), options)
                                         .payload(50)
                                         .bytes());
    CHECK(kept.stored);
    CHECK(kept.bytes == kTcpHeaders + 4 + 12);
    CHECK_FALSE(direction.keep(tcp(2, kTcpAck | kTcpPsh).payload(5).bytes()).stored);
    CHECK_FALSE(direction.keep(tcp(2).bytes()).stored);
  }
}

TEST_CASE("frames without payload keep their padding; an ICMP error keeps the headers that it quotes") {
  const CutoffPolicy policy = must(CutoffPolicy::parse("headers", {}));
  ByteBuffer ack = tcp(80).bytes();
  ack.resize(60);
  CHECK(OneDirection(policy).keep(ack).bytes == 60);
  const ByteBuffer quoted = PacketBuilder().ipv4("10.0.0.1", "10.0.0.9").udp(1, 2).payload(500).bytes();
  const ByteBuffer error =
      PacketBuilder().eth().ipv4("10.0.0.7", "10.0.0.1").icmp(3, 1).payload(quoted).bytes();
  CHECK(OneDirection(policy).keep(error).bytes == 14 + 20 + 8 + 128);
}

TEST_CASE("a frame without a session is stored whole, or not at all by `none`") {
  const CutoffPolicy policy = must(CutoffPolicy::parse("headers", {"arp=none"}));
  const auto keep = [&](const ByteBuffer& bytes) {
    const Frame frame = view(bytes);
    PacketMeta meta;
    decode(frame, meta);
    const FlowHit hit{nullptr, 0, ContentClass::kClear, Direction::kAToB, meta.payload_offset, 0, false};
    return policy.keep(frame, meta, meta, hit);
  };
  CHECK_FALSE(keep(PacketBuilder().eth().arp(1, "10.0.0.1", "10.0.0.2").bytes()).stored);
  const ByteBuffer lldp = PacketBuilder().eth().ethertype(0x88cc).payload(80).bytes();
  CHECK(keep(lldp).stored);
  CHECK(keep(lldp).bytes == lldp.size());
}
