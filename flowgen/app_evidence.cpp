#include "flowgen/app_evidence.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "capture/packet/protocol_numbers.hpp"

namespace tapline::flowgen {
namespace {

constexpr AppEvidence kNothing{};

constexpr AppEvidence client(App app) {
  return {app, AppSide::kClient};
}
constexpr AppEvidence server(App app) {
  return {app, AppSide::kServer};
}
constexpr AppEvidence either(App app) {
  return {app, AppSide::kEither};
}

/// The first bytes, of which what is asked beyond their end is not there.
class Head {
 public:
  Head(const PayloadHint& hint, Bytes payload) : hint_(hint), payload_(payload) {}

  std::size_t size() const { return payload_.size(); }
  /// 256 past the end: no byte.
  unsigned at(std::size_t i) const { return i < payload_.size() ? payload_[i] : 256; }
  std::uint32_t be16(std::size_t i) const {
    return i + 2 <= size() ? load_be16(payload_.data() + i) : 1u << 16;
  }
  std::uint64_t be32(std::size_t i) const {
    return i + 4 <= size() ? load_be32(payload_.data() + i) : std::uint64_t{1} << 32;
  }
  bool has(std::string_view text, std::size_t i = 0) const {
    return i + text.size() <= size() && std::memcmp(payload_.data() + i, text.data(), text.size()) == 0;
  }
  /// Within the first line, whose first 128 bytes are looked at.
  bool line_has(std::string_view text) const {
    const auto end = payload_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(size(), 128));
    const auto line_end = std::find(payload_.begin(), end, '\n');
    return std::search(payload_.begin(), line_end, text.begin(), text.end()) != line_end;
  }
  bool on_port(std::uint16_t port) const { return hint_.src_port == port || hint_.dst_port == port; }
  bool to_port(std::uint16_t port) const { return hint_.dst_port == port; }
  bool from_port(std::uint16_t port) const { return hint_.src_port == port; }
  bool on_one_port() const { return hint_.src_port == hint_.dst_port; }

 private:
  const PayloadHint& hint_;
  Bytes payload_;
};

bool starts_with_any(const Head& head, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&head](std::string_view word) { return head.has(word); });
}

/// RFC 8446, 5.1: a record of version 3.0 to 3.4; what it holds tells the side.
AppEvidence read_tls(const Head& head) {
  if (head.at(1) != 3 || head.at(2) > 4) return kNothing;
  if (head.at(0) == 0x16 && head.at(5) == 1) return client(App::kTls);
  if (head.at(0) == 0x16 && head.at(5) == 2) return server(App::kTls);
  // Of a session that was seen from its middle on.
  const bool later = head.at(0) == 0x15 || head.at(0) == 0x17;
  return head.at(0) == 0x16 || (later && head.on_port(443)) ? either(App::kTls) : kNothing;
}

/// RFC 9110, 9.3; RFC 2326, 10; RFC 3261, 7.1: the same words, told apart by what follows.
AppEvidence read_request(const Head& head) {
  static constexpr std::string_view kMethods[] = {
      "GET ",   "POST ",     "PUT ",    "HEAD ",  "DELETE ", "OPTIONS ", "PATCH ",        "CONNECT ",
      "TRACE ", "PROPFIND ", "REPORT ", "MKCOL ", "SEARCH ", "LOCK ",    "PRI * HTTP/2.0"};
  static constexpr std::string_view kSipMethods[] = {
      "INVITE ", "REGISTER ", "SUBSCRIBE ", "NOTIFY ", "MESSAGE ", "ACK ", "BYE ", "CANCEL ", "PUBLISH "};
  static constexpr std::string_view kRtspMethods[] = {"DESCRIBE ", "SETUP ", "PLAY ", "ANNOUNCE "};
  for (const std::string_view method : kMethods) {
    if (!head.has(method)) continue;
    if (head.has("sip:", method.size())) return client(App::kSip);
    return client(head.has("rtsp:", method.size()) ? App::kRtsp : App::kHttp);
  }
  for (const std::string_view method : kSipMethods) {
    if (head.has(method) && (head.has("sip", method.size()) || head.has("tel:", method.size())))
      return client(App::kSip);
  }
  for (const std::string_view method : kRtspMethods) {
    if (head.has(method) && head.has("rtsp:", method.size())) return client(App::kRtsp);
  }
  return kNothing;
}

AppEvidence read_status_line(const Head& head) {
  if (head.has("HTTP/1.")) return server(App::kHttp);
  if (head.has("RTSP/1.0 ")) return server(App::kRtsp);
  return head.has("SIP/2.0 ") ? server(App::kSip) : kNothing;
}

/// Mail and files: greetings of three of them begin alike, and so do two's commands.
AppEvidence read_greeting(const Head& head) {
  if (head.has("220")) {
    if (head.on_port(21) || head.line_has("FTP")) return server(App::kFtp);
    const bool mail = head.on_port(25) || head.on_port(587) || head.line_has("SMTP");
    return mail ? server(App::kSmtp) : kNothing;
  }
  if (starts_with_any(head, {"EHLO ", "HELO ", "ehlo ", "helo "})) return client(App::kSmtp);
  if (head.has("+OK")) return head.on_port(110) ? server(App::kPop3) : kNothing;
  if (starts_with_any(head, {"* OK", "* PREAUTH"})) return server(App::kImap);
  if (head.has("USER ") && head.on_port(110)) return client(App::kPop3);
  if (starts_with_any(head, {"USER ", "AUTH TLS"}) && head.on_port(21)) return client(App::kFtp);
  return kNothing;
}

AppEvidence read_text(const Head& head) {
  if (head.has("SSH-")) return either(App::kSsh);
  for (const auto read : {read_request, read_status_line, read_greeting}) {
    if (const AppEvidence found = read(head); found.app != App::kUnknown) return found;
  }
  if (head.has("\x13"
               "BitTorrent protocol"))
    return either(App::kBittorrent);
  if (head.has("RFB 00")) return either(App::kVnc);
  if (starts_with_any(head, {"NICK ", "CAP LS"})) return client(App::kIrc);
  const bool stream = head.has("<?xml") || head.has("<stream:");
  if (stream && head.line_has("stream")) return either(App::kXmpp);
  const bool array = head.at(0) == '*' && head.at(1) >= '1' && head.at(1) <= '9';
  return array && head.has("\r\n$", 2) ? client(App::kRedis) : kNothing;
}

/// [MS-SMB], [MS-SMB2]: behind the four bytes of RFC 1002.
AppEvidence read_smb(const Head& head) {
  if (head.at(0) != 0) return kNothing;
  if (head.has("\xffSMB", 4)) return (head.at(13) & 0x80) != 0 ? server(App::kSmb) : client(App::kSmb);
  return head.has("\xfeSMB", 4) ? ((head.at(20) & 1) != 0 ? server(App::kSmb) : client(App::kSmb)) : kNothing;
}

/// RFC 1006 and X.224, 13.3: a connection request or confirmation; other protocols have theirs on other
/// ports.
AppEvidence read_rdp(const Head& head) {
  if (head.at(0) != 3 || head.at(1) != 0 || head.be16(2) < 11) return kNothing;
  const bool cookie = head.has("Cookie: mstshash=", 11);
  if (head.at(5) == 0xe0 && (cookie || head.on_port(3389))) return client(App::kRdp);
  return head.at(5) == 0xd0 && head.on_port(3389) ? server(App::kRdp) : kNothing;
}

/// RFC 4511, 4.2 and 4.5: a message with a small number, whose operation is a bind or a search.
AppEvidence read_ldap(const Head& head) {
  if (head.at(0) != 0x30) return kNothing;
  const std::size_t at = head.at(1) < 0x80 ? 2 : 2 + (head.at(1) & 0x7f);
  if (head.at(at) != 2 || head.at(at + 1) > 4) return kNothing;
  const std::size_t operation_at = at + 2 + head.at(at + 1);
  const unsigned operation = head.at(operation_at);
  const bool known_port = head.on_port(389) || head.on_port(3268);
  const bool bind = operation == 0x60 && head.at(operation_at + 2) == 2 && head.at(operation_at + 3) == 1;
  if (!known_port && !bind) return kNothing;
  if (operation == 0x60 || operation == 0x63 || operation == 0x77) return client(App::kLdap);
  return operation >= 0x61 && operation <= 0x78 ? server(App::kLdap) : kNothing;
}

AppEvidence read_database(const Head& head) {
  // MySQL's server speaks first: length, number 0, protocol 10, its version in text.
  const bool digit = head.at(5) >= '0' && head.at(5) <= '9';
  if (head.at(2) == 0 && head.at(3) == 0 && head.at(4) == 0x0a && digit) return server(App::kMysql);
  // PostgreSQL: length of the whole, then protocol 3.0 or a request: to cancel, for TLS, for GSSAPI.
  const bool whole = head.be32(0) == head.size();
  const bool known = head.be32(4) == 196'608 || (head.be32(4) >= 80'877'102 && head.be32(4) <= 80'877'104);
  return whole && known ? client(App::kPostgresql) : kNothing;
}

/// RFC 1035, 4.1.1, from `at` on: at most one question where it asks, a known operation, reserved bit 0.
AppEvidence read_dns(const Head& head, std::size_t at, App app) {
  const unsigned high = head.at(at + 2);
  const unsigned low = head.at(at + 3);
  if (head.size() < at + 12 || (high >> 3 & 15) > 5 || (low & 0x40) != 0) return kNothing;
  if (head.be16(at + 4) > 16 || head.be16(at + 6) > 256) return kNothing;
  if ((high & 0x80) == 0) return client(app);
  // What was asked of all is answered to one, in a flow that the answer begins.
  return app == App::kDns && !head.on_one_port() ? server(app) : either(app);
}

AppEvidence read_kerberos(const Head& head, std::size_t at) {
  // RFC 4120, 5.10: application tags 10 to 14 and 30.
  const unsigned tag = head.at(at);
  if (tag == 0x6a || tag == 0x6c) return client(App::kKerberos);
  return tag == 0x6b || tag == 0x6d || tag == 0x7e ? server(App::kKerberos) : kNothing;
}

AppEvidence read_tcp_by_port(const Head& head) {
  if (head.on_port(53) && head.be16(0) + 2 >= head.size()) return read_dns(head, 2, App::kDns);
  if (head.on_port(88) && head.be32(0) + 4 >= head.size()) return read_kerberos(head, 4);
  // RFC 1928, 3: version, and as many methods as it says.
  if (head.to_port(1080) && head.at(0) == 5 && head.size() == 2 + head.at(1)) return client(App::kSocks);
  const bool socks_four = head.at(0) == 4 && (head.at(1) == 1 || head.at(1) == 2);
  if (head.to_port(1080) && socks_four && head.size() >= 9) return client(App::kSocks);
  // A length, then what opens it in datagrams.
  if (head.be16(0) + 2 == head.size() && head.at(2) == 0x38) return client(App::kOpenvpn);
  if (head.on_port(179) && head.be32(0) == 0xffff'ffff && head.be32(4) == 0xffff'ffff)
    return either(App::kBgp);
  return kNothing;
}

AppEvidence read_tcp(const Head& head) {
  if (const AppEvidence found = read_tls(head); found.app != App::kUnknown) return found;
  if (head.at(0) >= ' ' || head.at(0) == 0x13) {
    if (const AppEvidence found = read_text(head); found.app != App::kUnknown) return found;
  }
  // RFC 854: options that are agreed on come first.
  if (head.at(0) == 0xff && head.at(1) >= 0xfb && head.at(1) <= 0xfe && head.on_port(23))
    return either(App::kTelnet);
  // MQTT 3.1.1, 3.1: CONNECT, and the name of the protocol.
  if (head.at(0) == 0x10 && (head.has("MQTT", 4) || head.has("MQTT", 5) || head.has("MQIsdp", 4)))
    return client(App::kMqtt);
  for (const auto read : {read_smb, read_rdp, read_ldap, read_database, read_tcp_by_port}) {
    if (const AppEvidence found = read(head); found.app != App::kUnknown) return found;
  }
  return kNothing;
}

/// RFC 8999, 5.1: a long header; versions of QUIC that are in use, and Google's before it had numbers.
AppEvidence read_quic(const Head& head) {
  if ((head.at(0) & 0x180) != 0x80 || head.at(5) > 20) return kNothing;
  const std::uint64_t version = head.be32(1);
  const bool draft = version >> 8 == 0xff'0000;
  const bool google = version >> 8 == 0x51'3035 || version >> 8 == 0x54'3035;  // Q05x, T05x
  const bool greased =
      (version & 0x0f0f'0f0f) == 0x0a0a'0a0a && head.size() >= 1200;  // to be told the others
  const bool known = version == 1 || version == 0x6b33'43cf || draft || google || greased;
  if (!known) return kNothing;
  if (head.to_port(443)) return client(App::kQuic);
  return head.on_port(443) ? server(App::kQuic) : either(App::kQuic);
}

/// RFC 8489, 5: two bits 0, a length in words, the cookie; then the class.
AppEvidence read_stun(const Head& head) {
  if (head.at(0) >= 0x40 || head.be32(4) != 0x2112'a442 || head.be16(2) % 4 != 0) return kNothing;
  return (head.at(0) & 1) != 0 ? server(App::kStun) : client(App::kStun);
}

/// Handshakes have a type, three bytes of 0 and one length each.
AppEvidence read_wireguard(const Head& head) {
  if (head.at(1) != 0 || head.at(2) != 0 || head.at(3) != 0) return kNothing;
  if (head.at(0) == 1 && head.size() == 148) return client(App::kWireguard);
  return head.at(0) == 2 && head.size() == 92 ? server(App::kWireguard) : kNothing;
}

/// RFC 7296, 3.1: version, and the length of the whole; on port 4500 behind four bytes of 0 (RFC 3948).
AppEvidence read_isakmp(const Head& head) {
  const std::size_t at = head.on_port(4500) ? 4 : 0;
  if (!head.on_port(500) && (at == 0 || head.be32(0) != 0)) return kNothing;
  const unsigned version = head.at(at + 17);
  if ((version != 0x10 && version != 0x20) || head.be32(at + 24) + at != head.size()) return kNothing;
  return either(App::kIsakmp);
}

/// RFC 2131, 2: the operation, and the cookie in front of the options.
AppEvidence read_dhcp(const Head& head) {
  if (head.be32(236) != 0x6382'5363) return kNothing;
  if (head.at(0) == 1) return client(App::kDhcp);
  return head.at(0) == 2 ? either(App::kDhcp) : kNothing;  // requests mostly go to all: another flow
}

/// RFC 5905, 7.3: version, mode.
AppEvidence read_ntp(const Head& head) {
  const unsigned version = head.at(0) >> 3 & 7;
  if (head.size() < 12 || version < 1 || version > 4) return kNothing;
  const unsigned mode = head.at(0) & 7;
  if (mode == 3) return client(App::kNtp);
  return mode == 4 && head.from_port(123) ? server(App::kNtp) : either(App::kNtp);
}

/// RFC 3416, 3: a sequence, a version, a community.
AppEvidence read_snmp(const Head& head) {
  const std::size_t at = head.at(1) < 0x80 ? 2 : 2 + (head.at(1) & 0x7f);
  if (head.at(0) != 0x30 || head.at(at) != 2 || head.at(at + 1) != 1 || head.at(at + 2) > 3) return kNothing;
  return head.to_port(161) ? client(App::kSnmp) : either(App::kSnmp);
}

AppEvidence read_udp_by_port(const Head& head) {
  if (head.on_port(53)) return read_dns(head, 0, App::kDns);
  if (head.on_port(5353)) return read_dns(head, 0, App::kMdns);
  if (head.on_port(5355)) return read_dns(head, 0, App::kLlmnr);
  if (head.on_port(137)) return read_dns(head, 0, App::kNetbiosNs);
  if (head.on_port(123)) return read_ntp(head);
  if (head.on_port(67) || head.on_port(68)) return read_dhcp(head);
  if (head.on_port(161) || head.on_port(162)) return read_snmp(head);
  if (head.on_port(500) || head.on_port(4500)) return read_isakmp(head);
  if (head.on_port(88)) return read_kerberos(head, 0);
  if (head.to_port(69) && (head.be16(0) == 1 || head.be16(0) == 2)) return client(App::kTftp);
  if (head.to_port(514) && head.at(0) == '<' && head.at(1) >= '0' && head.at(1) <= '9')
    return client(App::kSyslog);
  const bool radius = head.on_port(1812) || head.on_port(1813) || head.on_port(1645) || head.on_port(1646);
  if (radius && head.be16(2) == head.size())
    return head.at(0) == 1 || head.at(0) == 4 ? client(App::kRadius) : server(App::kRadius);
  // Its first packets ask for a reset; opcode in the upper five bits. Without a signature nothing else
  // follows.
  const bool bare = head.size() == 14 && head.at(9) == 0 && head.be32(10) == 0;
  if ((head.on_port(1194) || bare) && head.at(0) == 0x38) return client(App::kOpenvpn);
  return head.on_port(1194) && head.at(0) == 0x40 ? server(App::kOpenvpn) : kNothing;
}

AppEvidence read_udp(const Head& head) {
  if (const AppEvidence found = read_udp_by_port(head); found.app != App::kUnknown) return found;
  if (starts_with_any(head, {"M-SEARCH * HTTP", "NOTIFY * HTTP"})) return client(App::kSsdp);
  if (head.has("HTTP/1.1 200") && head.on_port(1900)) return server(App::kSsdp);
  // RFC 6347, 4.1: as TLS, with versions counted down, and eight more bytes.
  if (head.at(0) == 0x16 && head.at(1) == 0xfe && head.at(2) >= 0xfc && head.at(13) <= 2)
    return head.at(13) == 1 ? client(App::kDtls) : server(App::kDtls);
  if (starts_with_any(head, {"d1:ad2:id20:", "d1:rd2:id20:"})) return either(App::kBittorrent);
  for (const auto read : {read_quic, read_stun, read_wireguard, read_request, read_status_line}) {
    if (const AppEvidence found = read(head); found.app != App::kUnknown) return found;
  }
  return kNothing;
}

}  // namespace

AppEvidence read_app_evidence(const PayloadHint& hint, Bytes payload) noexcept {
  const Head head(hint, payload);
  if (hint.ip_proto == kIpProtoTcp) return read_tcp(head);
  return hint.ip_proto == kIpProtoUdp ? read_udp(head) : kNothing;
}

App app_of(AppEvidence a, AppEvidence b) noexcept {
  if (a.app == b.app || b.app == App::kUnknown) return a.app;
  if (a.app == App::kUnknown) return b.app;
  return b.side == AppSide::kClient ? b.app : a.app;
}

}  // namespace tapline::flowgen
