#include "capture/packet/app.hpp"

#include <array>

namespace tapline {

const char* app_name(App app) {
  static constexpr std::array<const char*, kAppCount> kNames = {
      "unknown",    "tls",    "dtls",   "http",   "ssh",      "dns",     "mdns",      "llmnr",  "netbios_ns",
      "quic",       "smb",    "rdp",    "ftp",    "smtp",     "pop3",    "imap",      "sip",    "rtsp",
      "bittorrent", "ntp",    "dhcp",   "snmp",   "kerberos", "ldap",    "mqtt",      "mysql",  "postgresql",
      "redis",      "vnc",    "irc",    "socks",  "stun",     "openvpn", "wireguard", "isakmp", "ssdp",
      "tftp",       "radius", "syslog", "telnet", "xmpp",     "bgp"};
  const auto number = static_cast<std::size_t>(app);
  return number < kNames.size() ? kNames[number] : kNames[0];
}

}  // namespace tapline
