#pragma once
// App: what protocol the first payload of a session shows it to speak.

#include <cstdint>

namespace tapline {

/// Numbers are on disk, never reused.
enum class App : std::uint8_t {
  kUnknown = 0,
  kTls,
  kDtls,
  kHttp,
  kSsh,
  kDns,
  kMdns,
  kLlmnr,
  kNetbiosNs,
  kQuic,
  kSmb,
  kRdp,
  kFtp,
  kSmtp,
  kPop3,
  kImap,
  kSip,
  kRtsp,
  kBittorrent,
  kNtp,
  kDhcp,
  kSnmp,
  kKerberos,
  kLdap,
  kMqtt,
  kMysql,
  kPostgresql,
  kRedis,
  kVnc,
  kIrc,
  kSocks,
  kStun,
  kOpenvpn,
  kWireguard,
  kIsakmp,
  kSsdp,
  kTftp,
  kRadius,
  kSyslog,
  kTelnet,
  kXmpp,
  kBgp,
};
inline constexpr std::uint32_t kAppCount = static_cast<std::uint32_t>(App::kBgp) + 1;

/// "tls", "http", ...; "unknown" for kUnknown and numbers of a later version.
const char* app_name(App app);

}  // namespace tapline
