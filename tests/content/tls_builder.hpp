#pragma once
// Makes messages of TLS out of their parts (RFC 8446, section 3): numbers, vectors, extensions, hellos,
// records. What it makes is sound unless a caller wants otherwise.

#include <cstdint>
#include <string_view>
#include <vector>

#include "capture/base/bytes.hpp"
#include "tests/content/exact_bytes.hpp"

namespace tapline::test {

using Octets = std::vector<std::uint8_t>;

inline Octets from_hex(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Octets bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return bytes;
}
inline Octets text(std::string_view characters) {
  return {characters.begin(), characters.end()};
}

/// The parts one after the other.
template <class... Parts>
Octets join(const Parts&... parts) {
  Octets all;
  (all.insert(all.end(), parts.begin(), parts.end()), ...);
  return all;
}

/// Big endian.
inline Octets number(std::size_t bytes, std::uint64_t value) {
  Octets out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
  return out;
}
inline Octets u8(std::uint64_t value) {
  return number(1, value);
}
inline Octets u16(std::uint64_t value) {
  return number(2, value);
}
inline Octets u16s(const std::vector<std::uint16_t>& values) {
  Octets out;
  for (const std::uint16_t value : values) out = join(out, u16(value));
  return out;
}
/// Preceded by their length.
inline Octets vec8(const Octets& bytes) {
  return join(u8(bytes.size()), bytes);
}
inline Octets vec16(const Octets& bytes) {
  return join(u16(bytes.size()), bytes);
}
inline Octets vec24(const Octets& bytes) {
  return join(number(3, bytes.size()), bytes);
}

inline Octets extension(std::uint16_t type, const Octets& data = {}) {
  return join(u16(type), vec16(data));
}
inline Octets server_name(std::string_view name) {
  return extension(0, vec16(join(u8(0), vec16(text(name)))));
}
inline Octets alpn(const std::vector<std::string_view>& names) {
  Octets list;
  for (const std::string_view name : names) list = join(list, vec8(text(name)));
  return extension(16, vec16(list));
}
inline Octets supported_versions(const std::vector<std::uint16_t>& versions) {
  return extension(43, vec8(u16s(versions)));
}
inline Octets signature_algorithms(const std::vector<std::uint16_t>& algorithms) {
  return extension(13, vec16(u16s(algorithms)));
}

/// The body of a ClientHello; extensions one after the other, as they come.
inline Octets client_hello(std::uint16_t version, const std::vector<std::uint16_t>& ciphers,
                           const Octets& extensions, const Octets& cookie = {}) {
  return join(u16(version), Octets(32, 0x5a), vec8(Octets(32, 0x1d)), cookie, vec16(u16s(ciphers)),
              vec8(u8(0)), vec16(extensions));
}
inline Octets server_hello(std::uint16_t version, std::uint16_t cipher, const Octets& extensions) {
  return join(u16(version), Octets(32, 0xa5), vec8(Octets(32, 0x1d)), u16(cipher), u8(0), vec16(extensions));
}
inline Octets handshake(std::uint8_t type, const Octets& body) {
  return join(u8(type), vec24(body));
}
inline Octets record(std::uint8_t type, const Octets& payload, std::uint16_t version = 0x0303) {
  return join(u8(type), u16(version), vec16(payload));
}

/// The hello of JA4's public description: Chrome's, GREASE where Chrome sends it.
inline Octets chrome_hello() {
  const Octets extensions =
      join(extension(0x8a8a), extension(0x001b, {2, 0, 2}), server_name("www.example.org"),
           extension(0x0033, u16(0)), alpn({"h2", "http/1.1"}), extension(0x4469, u16(0)), extension(0x0017),
           extension(0x002d, {1, 1}),
           signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}),
           extension(0x0005, {1, 0, 0, 0, 0}), extension(0x0023), extension(0x0012),
           supported_versions({0x3a3a, 0x0304, 0x0303}), extension(0xff01, u8(0)), extension(0x000b, {1, 0}),
           extension(0x000a, u16(0)), extension(0x0015, Octets(8)), extension(0x1a1a, u8(0)));
  return client_hello(0x0303,
                      {0xdada, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                       0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
                      extensions);
}
inline constexpr std::string_view kChromeJa4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";

}  // namespace tapline::test
