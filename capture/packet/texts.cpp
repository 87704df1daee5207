#include "capture/packet/texts.hpp"

#include <algorithm>
#include <array>

namespace tapline {

const char* text_kind_name(TextKind kind) {
  static constexpr std::array<const char*, kTextKindCount> kNames = {"",
                                                                     "sni",
                                                                     "alpn",
                                                                     "ja4",
                                                                     "tls_version",
                                                                     "tls_cipher",
                                                                     "cert_subject",
                                                                     "cert_issuer",
                                                                     "cert_sha256",
                                                                     "dns",
                                                                     "dns_type",
                                                                     "dns_rcode",
                                                                     "dns_answers",
                                                                     "http_method",
                                                                     "host",
                                                                     "uri",
                                                                     "user_agent",
                                                                     "referer",
                                                                     "http_status",
                                                                     "content_type",
                                                                     "ssh_client",
                                                                     "ssh_server",
                                                                     "hassh",
                                                                     "hassh_server",
                                                                     "user",
                                                                     "command",
                                                                     "file",
                                                                     "share",
                                                                     "mail_from",
                                                                     "mail_to",
                                                                     "mail_subject",
                                                                     "resp_name"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view find_text(std::string_view packed, TextKind kind) {
  std::string_view found;
  for_each_text(packed, [&](TextKind its_kind, std::string_view text) {
    if (its_kind == kind) found = text;
  });
  return found;
}

void append_text(std::string& packed, TextKind kind, std::string_view text) {
  text = text.substr(0, kTextBytesMax);
  if (text.empty() || packed.size() + kTextHeaderBytes + text.size() > kTextsBytesMax) return;
  packed.push_back(static_cast<char>(kind));
  packed.push_back(static_cast<char>(text.size() & 0xff));
  packed.push_back(static_cast<char>(text.size() >> 8));
  packed.append(text);
}

void add_missing_texts(std::string& packed, std::string_view further) {
  for_each_text(further, [&](TextKind kind, std::string_view text) {
    if (find_text(packed, kind).empty()) append_text(packed, kind, text);
  });
}

}  // namespace tapline
