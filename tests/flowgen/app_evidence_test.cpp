#include "flowgen/app_evidence.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "capture/packet/protocol_numbers.hpp"

namespace tapline::flowgen {
namespace {

using Payload = std::vector<std::uint8_t>;

struct Sample {
  PayloadHint hint;
  Payload payload;
  App app;
  AppSide side;
};

Payload bytes(std::string_view text, std::size_t size = 0) {
  Payload payload(text.begin(), text.end());
  payload.resize(std::max(size, payload.size()));
  return payload;
}
constexpr PayloadHint tcp(std::uint16_t from, std::uint16_t to) {
  return {kIpProtoTcp, from, to};
}
constexpr PayloadHint udp(std::uint16_t from, std::uint16_t to) {
  return {kIpProtoUdp, from, to};
}
using namespace std::string_view_literals;

constexpr AppSide kClient = AppSide::kClient;
constexpr AppSide kServer = AppSide::kServer;
constexpr AppSide kEither = AppSide::kEither;

void add_tcp(std::vector<Sample>& all) {
  all.push_back({tcp(50000, 9443), bytes("\x16\x03\x01\x02\x00\x01\x00"sv), App::kTls, kClient});
  all.push_back({tcp(9443, 50000), bytes("\x16\x03\x03\x00\x7a\x02\x00"sv), App::kTls, kServer});
  all.push_back({tcp(50000, 443), bytes("\x17\x03\x03\x00\x20zz"sv), App::kTls, kEither});
  all.push_back({tcp(50000, 9443), bytes("\x17\x03\x03\x00\x20zz"sv), App::kUnknown, kEither});
  all.push_back({tcp(50000, 8081), bytes("GET /a HTTP/1.1\r\n"), App::kHttp, kClient});
  all.push_back({tcp(50000, 8081), bytes("PUT /drop/plans.tar HTTP/1.1\r\n"), App::kHttp, kClient});
  all.push_back({tcp(50000, 8081), bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), App::kHttp, kClient});
  all.push_back({tcp(8081, 50000), bytes("HTTP/1.0 200 OK\r\n"), App::kHttp, kServer});
  all.push_back({tcp(50000, 8081), bytes("GETAWAY"), App::kUnknown, kEither});
  all.push_back({tcp(50000, 554), bytes("OPTIONS rtsp://camera/1 RTSP/1.0\r\n"), App::kRtsp, kClient});
  all.push_back({tcp(554, 50000), bytes("RTSP/1.0 200 OK\r\n"), App::kRtsp, kServer});
  all.push_back({tcp(50000, 2222), bytes("SSH-2.0-OpenSSH_9.2"), App::kSsh, kEither});
  all.push_back({tcp(21, 50000), bytes("220 ready\r\n"), App::kFtp, kServer});
  all.push_back({tcp(2121, 50000), bytes("220 ProFTPD Server\r\n"), App::kFtp, kServer});
  all.push_back({tcp(25, 50000), bytes("220 mx.example\r\n"), App::kSmtp, kServer});
  all.push_back({tcp(2525, 50000), bytes("220 mx.example ESMTP Postfix\r\n"), App::kSmtp, kServer});
  all.push_back({tcp(2525, 50000), bytes("220 what\r\nFTP"), App::kUnknown, kEither});
  all.push_back({tcp(50000, 25), bytes("EHLO me\r\n"), App::kSmtp, kClient});
  all.push_back({tcp(110, 50000), bytes("+OK POP3 ready\r\n"), App::kPop3, kServer});
  all.push_back({tcp(143, 50000), bytes("* OK IMAP4rev1\r\n"), App::kImap, kServer});
  all.push_back({tcp(50000, 21), bytes("USER anonymous\r\n"), App::kFtp, kClient});
  all.push_back({tcp(50000, 6881),
                 bytes("\x13"
                       "BitTorrent protocol"),
                 App::kBittorrent, kEither});
  all.push_back({tcp(5900, 50000), bytes("RFB 003.008\n"), App::kVnc, kEither});
  all.push_back({tcp(50000, 6667), bytes("NICK me\r\n"), App::kIrc, kClient});
  all.push_back({tcp(50000, 5222), bytes("<?xml version='1.0'?><stream:stream to='x'"), App::kXmpp, kEither});
  all.push_back({tcp(50000, 6379), bytes("*1\r\n$4\r\nPING\r\n"), App::kRedis, kClient});
  all.push_back({tcp(50000, 445), bytes("\0\0\0\x2f\xffSMB\x72\0\0\0\0\x18"sv), App::kSmb, kClient});
  all.push_back({tcp(445, 50000), bytes("\0\0\0\x2f\xffSMB\x72\0\0\0\0\x98"sv), App::kSmb, kServer});
  all.push_back({tcp(50000, 445), bytes("\0\0\0\x2f\xfeSMB\x40"sv, 64), App::kSmb, kClient});
  all.push_back(
      {tcp(50000, 3390), bytes("\x03\0\0\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=a"sv), App::kRdp, kClient});
  all.push_back({tcp(50000, 102), bytes("\x03\0\0\x16\x11\xe0\0\0\0\0\0\xc1"sv), App::kUnknown, kEither});
  all.push_back({tcp(50000, 389), bytes("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03"sv), App::kLdap, kClient});
  all.push_back({tcp(389, 50000), bytes("\x30\x0c\x02\x01\x01\x61\x07"sv), App::kLdap, kServer});
  all.push_back({tcp(3306, 50000),
                 bytes("\x4a\0\0\0\x0a"
                       "5.7.30"sv),
                 App::kMysql, kServer});
  all.push_back({tcp(50000, 5432), bytes("\0\0\0\x08\x04\xd2\x16\x2f"sv), App::kPostgresql, kClient});
  all.push_back({tcp(50000, 1883), bytes("\x10\x10\0\x04MQTT\x04"sv), App::kMqtt, kClient});
  all.push_back({tcp(23, 50000), bytes("\xff\xfd\x18"sv), App::kTelnet, kEither});
  all.push_back({tcp(50000, 53), bytes("\0\x1c\x12\x34\x01\0\0\x01\0\0\0\0\0\0"sv, 30), App::kDns, kClient});
  all.push_back({tcp(50000, 88), bytes("\0\0\0\x50\x6a"sv, 84), App::kKerberos, kClient});
  all.push_back({tcp(50000, 1080), bytes("\x05\x01\0"sv), App::kSocks, kClient});
  all.push_back({tcp(50000, 1080), bytes("\x04\x01\0\x50\x01\x02\x03\x04\0"sv), App::kSocks, kClient});
  all.push_back({tcp(50000, 9000), bytes("\0\x0e\x38"sv, 16), App::kOpenvpn, kClient});
  all.push_back({tcp(50000, 1389), bytes("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03"sv), App::kLdap, kClient});
  all.push_back({tcp(50000, 1389), bytes("\x30\x0c\x02\x01\x01\x63\x07"sv), App::kUnknown, kEither});
  all.push_back({tcp(50000, 443), bytes("\x15\x03\x03\0\x02\x01\0"sv), App::kTls, kEither});
  all.push_back({tcp(50000, 179), bytes("\xff\xff\xff\xff\xff\xff\xff\xff"sv, 29), App::kBgp, kEither});
}

void add_udp(std::vector<Sample>& all) {
  const Payload query = bytes(
      "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01"
      "a\0"sv);
  Payload answer = query;
  answer[2] = 0x81;
  all.push_back({udp(50000, 53), query, App::kDns, kClient});
  all.push_back({udp(53, 50000), answer, App::kDns, kServer});
  all.push_back({udp(53, 53), answer, App::kDns, kEither});
  all.push_back({udp(5353, 5353), answer, App::kMdns, kEither});
  all.push_back({udp(5355, 50000), answer, App::kLlmnr, kEither});
  all.push_back({udp(80, 123), bytes("\x24"sv, 48), App::kNtp, kEither});
  all.push_back({udp(5353, 5353), query, App::kMdns, kClient});
  all.push_back({udp(50000, 5355), query, App::kLlmnr, kClient});
  all.push_back({udp(137, 137), query, App::kNetbiosNs, kClient});
  all.push_back({udp(50000, 5300), query, App::kUnknown, kEither});
  all.push_back({udp(50000, 53), Payload(11), App::kUnknown, kEither});
  all.push_back({udp(50000, 443), bytes("\xc3\0\0\0\x01\x08"sv, 1200), App::kQuic, kClient});
  all.push_back({udp(443, 50000), bytes("\xc3\0\0\0\x01\x08"sv, 1200), App::kQuic, kServer});
  all.push_back({udp(50000, 443), bytes("\xc3\x12\x34\x56\x78\x08"sv, 1200), App::kUnknown, kEither});
  all.push_back({udp(50000, 4433), bytes("\xc3\x1a\x2a\x3a\x4a\x08"sv, 1200), App::kQuic, kEither});
  all.push_back({udp(50000, 4433), bytes("\xc3\x1a\x2a\x3a\x4a\x08"sv, 1199), App::kUnknown, kEither});
  all.push_back({udp(50000, 9000), bytes("\x38\x01\x02"sv, 14), App::kOpenvpn, kClient});
  all.push_back({udp(50000, 123), bytes("\x23"sv, 48), App::kNtp, kClient});
  all.push_back({udp(123, 50000), bytes("\x24"sv, 48), App::kNtp, kServer});
  Payload dhcp(240);
  dhcp[0] = 1;
  dhcp[236] = 0x63, dhcp[237] = 0x82, dhcp[238] = 0x53, dhcp[239] = 0x63;
  all.push_back({udp(68, 67), dhcp, App::kDhcp, kClient});
  all.push_back({udp(50000, 161), bytes("\x30\x26\x02\x01\x01\x04\x06public"sv), App::kSnmp, kClient});
  all.push_back({udp(50000, 514), bytes("<34>Oct 11 22:14:15 host su: x"), App::kSyslog, kClient});
  all.push_back({udp(50000, 69),
                 bytes("\0\x01"
                       "file\0octet\0"sv),
                 App::kTftp, kClient});
  all.push_back({udp(50000, 1812), bytes("\x01\x07\0\x14"sv, 20), App::kRadius, kClient});
  all.push_back({udp(1812, 50000), bytes("\x02\x07\0\x14"sv, 20), App::kRadius, kServer});
  all.push_back({udp(50000, 3478), bytes("\0\x01\0\0\x21\x12\xa4\x42"sv, 20), App::kStun, kClient});
  all.push_back({udp(3478, 50000), bytes("\x01\x01\0\0\x21\x12\xa4\x42"sv, 20), App::kStun, kServer});
  all.push_back({udp(50000, 51820), bytes("\x01\0\0\0"sv, 148), App::kWireguard, kClient});
  all.push_back({udp(51820, 50000), bytes("\x02\0\0\0"sv, 92), App::kWireguard, kServer});
  all.push_back({udp(50000, 51820), bytes("\x01\0\0\0"sv, 149), App::kUnknown, kEither});
  all.push_back({udp(50000, 1900), bytes("M-SEARCH * HTTP/1.1\r\n"), App::kSsdp, kClient});
  all.push_back({udp(5060, 5060), bytes("INVITE sip:bob@example SIP/2.0\r\n"), App::kSip, kClient});
  all.push_back({udp(5060, 5060), bytes("SIP/2.0 200 OK\r\n"), App::kSip, kServer});
  all.push_back({udp(50000, 6881), bytes("d1:ad2:id20:"), App::kBittorrent, kEither});
  all.push_back({udp(50000, 5684), bytes("\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x50\x01"sv), App::kDtls, kClient});
  all.push_back({udp(50000, 1194), bytes("\x38"sv, 14), App::kOpenvpn, kClient});
  Payload isakmp(28);
  isakmp[17] = 0x20, isakmp[27] = 28;
  all.push_back({udp(500, 500), isakmp, App::kIsakmp, kEither});
}

std::vector<Sample> samples() {
  std::vector<Sample> all;
  add_tcp(all);
  add_udp(all);
  return all;
}

}  // namespace

TEST_CASE("the first payload tells protocol and side") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.hint.src_port, sample.hint.dst_port, app_name(sample.app),
            std::string(sample.payload.begin(), sample.payload.end()));
    const AppEvidence found = read_app_evidence(sample.hint, sample.payload);
    CHECK(std::string(app_name(found.app)) == app_name(sample.app));
    CHECK(found.side == sample.side);
    CHECK(AppEvidence::unpacked(found.packed()) == found);
  }
}

TEST_CASE("nothing past the captured bytes is read, whatever they are") {
  const std::uint32_t seed = 20260103;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<Sample> all = samples();
  for (int round = 0; round < 100'000; ++round) {
    const Sample& sample = all[random() % all.size()];
    const std::size_t size = random() % (sample.payload.size() + 1);
    const auto exact = std::make_unique<std::uint8_t[]>(size);
    std::copy_n(sample.payload.begin(), size, exact.get());
    if (size != 0 && random() % 2 == 0) exact[random() % size] = static_cast<std::uint8_t>(random());
    const AppEvidence found = read_app_evidence(sample.hint, {exact.get(), size});
    REQUIRE(static_cast<std::uint32_t>(found.app) < kAppCount);
    REQUIRE(static_cast<int>(found.side) <= 2);
    if (size == 0) REQUIRE(found == AppEvidence{});
  }
}

TEST_CASE("of both directions the client's word counts where they contradict each other") {
  const AppEvidence http{App::kHttp, AppSide::kClient};
  const AppEvidence tls{App::kTls, AppSide::kServer};
  const AppEvidence ssh{App::kSsh, AppSide::kEither};
  CHECK(app_of(http, {}) == App::kHttp);
  CHECK(app_of({}, tls) == App::kTls);
  CHECK(app_of(tls, http) == App::kHttp);
  CHECK(app_of(http, tls) == App::kHttp);
  CHECK(app_of(ssh, tls) == App::kSsh);
  CHECK(app_of({}, {}) == App::kUnknown);
}

TEST_CASE("each protocol has a name of its own") {
  std::set<std::string> names;
  for (std::uint32_t app = 0; app < kAppCount; ++app) names.insert(app_name(static_cast<App>(app)));
  CHECK(names.size() == kAppCount);
  CHECK(std::string(app_name(static_cast<App>(200))) == "unknown");
}

}  // namespace tapline::flowgen
