#pragma once
// A client that protects QUIC Initial packets (RFC 9001, section 5), with keys from `quic_client_keys`, which
// the vectors of RFC 9001 and RFC 9369 check.

#include <openssl/evp.h>

#include "capture/content/quic_keys.hpp"
#include "tests/content/tls_builder.hpp"

namespace tapline::test {

inline Octets quic_varint(std::uint64_t value) {
  if (value < 0x40) return u8(value);
  if (value < 0x4000) return u16(value | 0x4000);
  return number(4, value | 0x80000000);
}

struct InitialFields {
  std::uint32_t version = kQuicV1;
  Octets destination_id = from_hex("8394c8f03e515708");
  Octets source_id;
  Octets token;
  Octets keys_of;  // the connection id whose keys are used; empty: destination_id
  std::uint32_t packet_number = 2;
  std::size_t number_bytes = 4;
};

namespace detail {

inline void encrypt_block(const QuicKeys& keys, const std::uint8_t* block, std::uint8_t* out) {
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  int bytes = 0;
  EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, keys.header_key.data(), nullptr);
  EVP_EncryptUpdate(context, out, &bytes, block, 16);
  EVP_CIPHER_CTX_free(context);
}

inline Octets seal(const QuicKeys& keys, const std::uint8_t* nonce, const Octets& header,
                   const Octets& plain) {
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  Octets sealed(plain.size() + 16);
  int bytes = 0;
  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce);
  EVP_EncryptUpdate(context, nullptr, &bytes, header.data(), static_cast<int>(header.size()));
  EVP_EncryptUpdate(context, sealed.data(), &bytes, plain.data(), static_cast<int>(plain.size()));
  EVP_EncryptFinal_ex(context, sealed.data() + plain.size(), &bytes);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed.data() + plain.size());
  EVP_CIPHER_CTX_free(context);
  return sealed;
}

}  // namespace detail

/// An Initial packet with these frames. `plain` must have at least 4 bytes, or there is no sample.
inline Octets quic_initial(const Octets& plain, const InitialFields& fields = {}) {
  const QuicKeys keys =
      quic_client_keys(fields.version, fields.keys_of.empty() ? fields.destination_id : fields.keys_of);
  const std::uint8_t type = fields.version == kQuicV2 ? 0xd0 : 0xc0;
  const Octets packet_number = number(fields.number_bytes, fields.packet_number);
  const std::size_t length = fields.number_bytes + plain.size() + 16;
  const Octets before =
      join(u8(type | (fields.number_bytes - 1)), number(4, fields.version), vec8(fields.destination_id),
           vec8(fields.source_id), quic_varint(fields.token.size()), fields.token, u16(length | 0x4000));
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < packet_number.size(); ++i)
    nonce[12 - packet_number.size() + i] ^= packet_number[i];
  const Octets header = join(before, packet_number);
  Octets packet = join(header, detail::seal(keys, nonce.data(), header, plain));
  std::uint8_t mask[16];
  detail::encrypt_block(keys, packet.data() + before.size() + 4, mask);
  packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 15));
  for (std::size_t i = 0; i < packet_number.size(); ++i) packet[before.size() + i] ^= mask[1 + i];
  return packet;
}

/// A CRYPTO frame with `bytes` of a message from `offset` on.
inline Octets crypto_frame(const Octets& message, std::size_t offset, std::size_t bytes) {
  const auto begin = message.begin() + static_cast<std::ptrdiff_t>(offset);
  return join(u8(6), quic_varint(offset), quic_varint(bytes),
              Octets(begin, begin + static_cast<std::ptrdiff_t>(bytes)));
}
inline Octets crypto_frame(const Octets& message) {
  return crypto_frame(message, 0, message.size());
}

}  // namespace tapline::test
