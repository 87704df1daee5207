#include "capture/content/quic_keys.hpp"

#include "capture/base/check.hpp"
#include "capture/content/sha256.hpp"

namespace tapline {
namespace {

using Salt = std::array<std::uint8_t, 20>;

struct Version {
  std::uint32_t number;
  const char* name;
  Salt salt;
};

constexpr Version kVersions[] = {
    // RFC 9001, section 5.2
    {kQuicV1, "QUICv1", {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                         0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}},
    // RFC 9369, section 3.3.1
    {kQuicV2, "QUICv2", {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                         0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9}},
    // draft-ietf-quic-tls-29, section 5.2
    {kQuicDraft29, "QUIC draft 29", {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                                     0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99}},
};

const Version* find_version(std::uint32_t number) {
  for (const Version& version : kVersions)
    if (version.number == number) return &version;
  return nullptr;
}

}  // namespace

const char* quic_version_name(std::uint32_t version) {
  const Version* const known = find_version(version);
  return known == nullptr ? nullptr : known->name;
}

bool is_quic_version(std::uint32_t version) {
  const bool is_draft = version >> 8 == 0xff0000;
  const bool is_reserved = (version & 0x0f0f0f0f) == 0x0a0a0a0a;
  const std::uint32_t letter = version >> 24;  // "Q046", "T051"
  const bool is_google = (letter == 'Q' || letter == 'T') && (version >> 16 & 0xff) == '0';
  const bool is_facebook = version >> 4 == 0xfaceb00;
  return find_version(version) != nullptr || is_draft || is_reserved || is_google || is_facebook;
}

QuicKeys quic_client_keys(std::uint32_t version, Bytes connection_id) noexcept {
  const Version* const known = find_version(version);
  TAPLINE_CHECK(known != nullptr);
  const bool v2 = version == kQuicV2;  // RFC 9369, section 3.3.2
  const Sha256Digest initial_secret = hkdf_extract(known->salt, connection_id);
  Sha256Digest client_secret;
  hkdf_expand_label(initial_secret, "client in", client_secret);
  QuicKeys keys;
  hkdf_expand_label(client_secret, v2 ? "quicv2 key" : "quic key", keys.key);
  hkdf_expand_label(client_secret, v2 ? "quicv2 iv" : "quic iv", keys.iv);
  hkdf_expand_label(client_secret, v2 ? "quicv2 hp" : "quic hp", keys.header_key);
  return keys;
}

}  // namespace tapline
