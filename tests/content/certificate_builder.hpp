#pragma once
// Makes certificates in DER (ITU-T X.690) out of their parts, sound unless a caller wants otherwise.

#include <string_view>

#include "tests/content/tls_builder.hpp"

namespace tapline::test {

/// An element with the shortest length.
inline Octets der(std::uint8_t tag, const Octets& content) {
  const std::size_t count = content.size();
  if (count < 0x80) return join(u8(tag), u8(count), content);
  if (count < 0x100) return join(u8(tag), u8(0x81), u8(count), content);
  return join(u8(tag), u8(0x82), u16(count), content);
}
inline Octets sequence(const Octets& content) {
  return der(0x30, content);
}

inline Octets common_name_oid() {
  return der(6, {0x55, 4, 3});
}
/// One part of a name: an attribute type and a value, both in DER.
inline Octets name_part(const Octets& type, const Octets& value) {
  return der(0x31, sequence(join(type, value)));
}
inline Octets common_name(std::string_view name) {
  return name_part(common_name_oid(), der(12, text(name)));
}
inline Octets dns_name(std::string_view name) {
  return der(0x82, text(name));
}

struct CertificateParts {
  Octets serial = der(2, {5});
  Octets issuer = common_name("issuer");
  Octets not_before = der(0x17, text("260102030405Z"));
  Octets not_after = der(0x18, text("20510102030405Z"));
  Octets subject = common_name("subject");
  Octets alternative_names = dns_name("a.example");
  Octets after_key;  // in place of the extensions

  Octets extensions() const {
    const Octets names = der(4, sequence(alternative_names));
    const Octets critical = der(1, u8(0xff));
    return der(0xa3, sequence(join(sequence(join(der(6, {0x55, 0x1d, 0x13}), critical, der(4, sequence({})))),
                                   sequence(join(der(6, {0x55, 0x1d, 0x11}), names)))));
  }
  Octets bytes() const {
    const Octets algorithm = sequence(der(6, {42, 3, 4}));
    const Octets key = sequence(join(algorithm, der(3, {0, 1, 2, 3})));
    const Octets trailer = after_key.empty() ? extensions() : after_key;
    const Octets signed_part = join(der(0xa0, der(2, {2})), serial, algorithm, sequence(issuer),
                                    sequence(join(not_before, not_after)), sequence(subject), key, trailer);
    return sequence(join(sequence(signed_part), algorithm, der(3, {0, 9, 9})));
  }
};

/// The body of a Certificate message with these certificates.
inline Octets certificate_message(const std::vector<Octets>& certificates) {
  Octets list;
  for (const Octets& one : certificates) list = join(list, vec24(one));
  return vec24(list);
}

/// Made by OpenSSL 3.0, with a subject that needs escapes.
inline Octets openssl_certificate() {
  return from_hex(
      "3082026b30820212a003020102020900f1e2d3c4b5a69788300a06082a8648ce3d040302308182310b30090603550406"
      "130244453114301206035504080c0b4bc3b66c6e2c204e6f726431183016060355040a0c0f5461702b4c696e65202254"
      "65737422310b3009060355040b0c0223313118301606035504030c0f7777772e6578616d706c652e6f7267311c301a06"
      "092a864886f70d010901160d61406578616d706c652e6f7267301e170d3236313132343034343630325a170d33363131"
      "32313034343630325a308182310b30090603550406130244453114301206035504080c0b4bc3b66c6e2c204e6f726431"
      "183016060355040a0c0f5461702b4c696e6520225465737422310b3009060355040b0c0223313118301606035504030c"
      "0f7777772e6578616d706c652e6f7267311c301a06092a864886f70d010901160d61406578616d706c652e6f72673059"
      "301306072a8648ce3d020106082a8648ce3d03010703420004453b69a01e1ffaceb3704b9ada38329ee2ecc6fa07aab6"
      "474f55e94cfa03ebd75e0db3d825873a200c8b0a1bd62a2ba1455c4083a503269731d6e134952db7e5a36f306d303e06"
      "03551d1104373035820f7777772e6578616d706c652e6f7267820d2a2e6578616d706c652e6e65748704c0000201810d"
      "61406578616d706c652e6f7267300c0603551d130101ff04023000301d0603551d0e04160414c1391906183dcb5c784a"
      "1166768b9dc29810c8e1300a06082a8648ce3d040302034700304402205ccf6c5e0bd91b57786c73501391a2bfd79483"
      "3b7d8dadabd0b493009c9dcdb202207ead624b25d28b5e51c4dba698af61a2272f9ffc0dfc1c07988189d5b1ac3253");
}

}  // namespace tapline::test
