#include "capture/content/quic_initial.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <optional>

#include "capture/base/check.hpp"
#include "capture/content/quic_packet.hpp"

namespace tapline {
namespace {

constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kSampleBytes = 16;
constexpr std::size_t kNumberBytesMax = 4;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// With its algorithm looked up: setting a key then neither locks nor allocates.
Context make_context(const EVP_CIPHER* cipher) {
  Context context(EVP_CIPHER_CTX_new());
  const std::uint8_t zeroes[32] = {};
  if (context == nullptr) return context;
  if (EVP_CipherInit_ex(context.get(), cipher, nullptr, zeroes, zeroes,
                        cipher == EVP_aes_128_ecb() ? 1 : 0) != 1)
    context.reset();
  return context;
}

// The header's part that is protected, in the clear (RFC 9001, section 5.4).
struct NumberField {
  std::uint8_t first_byte = 0;
  std::array<std::uint8_t, kNumberBytesMax> number{};
  std::size_t number_bytes = 0;
};

// The runs of a CRYPTO stream that have come.
class CryptoStream {
 public:
  explicit CryptoStream(QuicInitialState& state) : state_(state) {}

  /// The first bytes that came for a place stay. False where they lie beyond the limit.
  bool add(std::uint64_t offset, Bytes data) {
    if (offset > kQuicHelloBytesMax || data.size() > kQuicHelloBytesMax - offset) return false;
    for (std::size_t i = 0; i < data.size(); ++i) {
      const std::size_t at = static_cast<std::size_t>(offset) + i;
      std::uint64_t& word = state_.present[at / 64];
      const std::uint64_t bit = std::uint64_t{1} << (at % 64);
      if ((word & bit) == 0) state_.crypto[at] = data[i];
      word |= bit;
    }
    return true;
  }
  void move_prefix() {
    while (state_.prefix_bytes < kQuicHelloBytesMax &&
           (state_.present[state_.prefix_bytes / 64] >> (state_.prefix_bytes % 64) & 1) != 0)
      ++state_.prefix_bytes;
  }

 private:
  QuicInitialState& state_;
};

// ACK frames (RFC 9000, section 19.3) come with a client's second datagram at the earliest.
bool skip_ack(Bytes& rest, bool with_ecn) {
  std::uint64_t ignored = 0;
  std::uint64_t ranges = 0;
  if (!read_quic_varint(rest, ignored) || !read_quic_varint(rest, ignored) ||
      !read_quic_varint(rest, ranges) || !read_quic_varint(rest, ignored))
    return false;
  for (std::uint64_t i = 0; i < ranges;
       ++i)  // each takes two bytes, so that the end of the packet is soon reached
    if (!read_quic_varint(rest, ignored) || !read_quic_varint(rest, ignored)) return false;
  for (int i = 0; with_ecn && i < 3; ++i)
    if (!read_quic_varint(rest, ignored)) return false;
  return true;
}

// The frames that an Initial packet may hold (RFC 9000, section 12.4). kHello: all were read.
QuicInitialStatus read_frames(Bytes rest, QuicInitialState& state) {
  enum : std::uint64_t { kPadding, kPing, kAck, kAckEcn, kCrypto = 6, kClose = 0x1c };
  CryptoStream stream(state);
  while (!rest.empty()) {
    std::uint64_t type = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    if (!read_quic_varint(rest, type)) return QuicInitialStatus::kMalformed;
    if (type == kPadding || type == kPing) continue;
    if (type == kClose) break;
    if (type == kAck || type == kAckEcn) {
      if (!skip_ack(rest, type == kAckEcn)) return QuicInitialStatus::kMalformed;
      continue;
    }
    if (type != kCrypto || !read_quic_varint(rest, offset) || !read_quic_varint(rest, bytes) ||
        bytes > rest.size())
      return QuicInitialStatus::kMalformed;
    if (!stream.add(offset, rest.first(static_cast<std::size_t>(bytes)))) return QuicInitialStatus::kTooLong;
    rest = rest.subspan(static_cast<std::size_t>(bytes));
  }
  stream.move_prefix();
  return QuicInitialStatus::kHello;
}

// What the prefix of the CRYPTO stream is so far.
QuicInitialStatus read_stream(const QuicInitialState& state, TlsClientHello& hello) {
  constexpr std::size_t kMessageHeaderBytes = 4;
  if (state.prefix_bytes > 0 && state.crypto[0] != kTlsClientHelloType) return QuicInitialStatus::kMalformed;
  if (state.prefix_bytes < kMessageHeaderBytes) return QuicInitialStatus::kIncomplete;
  const std::size_t body_bytes = load_be32(state.crypto.data()) & 0xffffff;
  if (body_bytes > kQuicHelloBytesMax - kMessageHeaderBytes) return QuicInitialStatus::kTooLong;
  if (state.prefix_bytes < kMessageHeaderBytes + body_bytes) return QuicInitialStatus::kIncomplete;
  const Bytes body(state.crypto.data() + kMessageHeaderBytes, body_bytes);
  const TlsHelloStatus status = read_tls_client_hello(body, TlsTransport::kQuic, hello);
  return status == TlsHelloStatus::kOk ? QuicInitialStatus::kHello : QuicInitialStatus::kMalformed;
}

// RFC 9000, section 12.2: a datagram is of one connection, and what is not is ignored.
bool is_of_connection(const QuicPacket& packet, const QuicPacket& first) {
  return packet.version == first.version &&
         std::equal(packet.destination_id.begin(), packet.destination_id.end(), first.destination_id.begin(),
                    first.destination_id.end());
}

}  // namespace

struct QuicInitialReader::Ciphers {
  Context header = make_context(EVP_aes_128_ecb());
  Context packet = make_context(EVP_aes_128_gcm());
  std::array<std::uint8_t, kQuicPacketBytesMax> plain;

  NumberField unprotect(const QuicPacket& quic, const QuicKeys& keys);
  std::optional<Bytes> decrypt(const QuicPacket& quic, const QuicKeys& keys);
  std::optional<Bytes> open_packet(const QuicPacket& quic, QuicInitialState& state);
};

// RFC 9001, sections 5.4.1 to 5.4.3: the sample lies as if the number had four bytes.
NumberField QuicInitialReader::Ciphers::unprotect(const QuicPacket& quic, const QuicKeys& keys) {
  std::uint8_t mask[kSampleBytes];
  int mask_bytes = 0;
  const std::uint8_t* const number = quic.whole.data() + quic.number_offset;
  EVP_EncryptInit_ex(header.get(), nullptr, nullptr, keys.header_key.data(), nullptr);
  EVP_EncryptUpdate(header.get(), mask, &mask_bytes, number + kNumberBytesMax, kSampleBytes);
  NumberField field;
  field.first_byte = static_cast<std::uint8_t>(quic.whole[0] ^ (mask[0] & 0x0f));
  field.number_bytes = (field.first_byte & 3u) + 1;
  for (std::size_t i = 0; i < field.number_bytes; ++i)
    field.number[i] = static_cast<std::uint8_t>(number[i] ^ mask[1 + i]);
  return field;
}

// RFC 9001, section 5.3. The packet number is taken as sent: a client has sent few packets before its hello
// is through, and numbers below 256 are whole in one byte. None where the tag does not match.
std::optional<Bytes> QuicInitialReader::Ciphers::decrypt(const QuicPacket& quic, const QuicKeys& keys) {
  if (quic.whole.size() < quic.number_offset + kNumberBytesMax + kSampleBytes) return std::nullopt;
  if (quic.whole.size() - quic.number_offset > kQuicPacketBytesMax) return std::nullopt;
  const NumberField field = unprotect(quic, keys);
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < field.number_bytes; ++i)
    nonce[nonce.size() - field.number_bytes + i] ^= field.number[i];

  const Bytes sealed = quic.whole.subspan(quic.number_offset + field.number_bytes);
  const Bytes text = sealed.first(sealed.size() - kTagBytes);
  std::array<std::uint8_t, kTagBytes> tag;
  std::copy_n(sealed.data() + text.size(), kTagBytes, tag.begin());
  const Bytes middle = quic.whole.first(quic.number_offset).subspan(1);  // of the header
  EVP_CIPHER_CTX* const context = packet.get();
  int bytes = 0;
  EVP_DecryptInit_ex(context, nullptr, nullptr, keys.key.data(), nonce.data());
  EVP_DecryptUpdate(context, nullptr, &bytes, &field.first_byte, 1);
  EVP_DecryptUpdate(context, nullptr, &bytes, middle.data(), static_cast<int>(middle.size()));
  EVP_DecryptUpdate(context, nullptr, &bytes, field.number.data(), static_cast<int>(field.number_bytes));
  EVP_DecryptUpdate(context, plain.data(), &bytes, text.data(), static_cast<int>(text.size()));
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data());
  int last_bytes = 0;
  if (EVP_DecryptFinal_ex(context, plain.data() + text.size(), &last_bytes) != 1) return std::nullopt;
  return Bytes(plain.data(), text.size());
}

// With the keys of the connection or, before there are some and after a Retry (RFC 9001, section 5.2), with
// those of the packet's own connection id, which are then the connection's.
std::optional<Bytes> QuicInitialReader::Ciphers::open_packet(const QuicPacket& quic,
                                                             QuicInitialState& state) {
  const Bytes id = quic.destination_id;
  if (state.has_keys && state.version == quic.version) {
    if (const auto text = decrypt(quic, state.keys)) return text;
    if (std::equal(id.begin(), id.end(), state.connection_id.begin(),
                   state.connection_id.begin() + state.connection_id_bytes))
      return std::nullopt;
  }
  const QuicKeys keys = quic_client_keys(quic.version, id);
  const auto text = decrypt(quic, keys);
  if (!text) return text;
  state = {};  // a Retry, or another connection, whose hello begins anew
  state.version = quic.version;
  state.has_keys = true;
  state.keys = keys;
  state.connection_id_bytes = static_cast<std::uint8_t>(id.size());
  std::copy(id.begin(), id.end(), state.connection_id.begin());
  return text;
}

Result<QuicInitialReader> QuicInitialReader::open() {
  auto ciphers = std::make_unique<Ciphers>();
  if (ciphers->header == nullptr || ciphers->packet == nullptr)
    return Error{ErrorCode::kUnsupported, "OpenSSL has no AES-128 in ECB and GCM mode"};
  EVP_CIPHER_CTX_set_padding(ciphers->header.get(), 0);
  return QuicInitialReader(std::move(ciphers));
}

QuicInitialReader::QuicInitialReader(std::unique_ptr<Ciphers> ciphers) : ciphers_(std::move(ciphers)) {}
QuicInitialReader::QuicInitialReader(QuicInitialReader&&) noexcept = default;
QuicInitialReader& QuicInitialReader::operator=(QuicInitialReader&&) noexcept = default;
QuicInitialReader::~QuicInitialReader() = default;

QuicInitialStatus QuicInitialReader::read(Bytes datagram, QuicInitialState& state,
                                          TlsClientHello& hello) noexcept {
  QuicInitialStatus status = QuicInitialStatus::kNotQuic;
  std::size_t initials = 0;
  QuicPacket first;
  for (std::size_t i = 0; i < kQuicPacketsMax; ++i) {
    const QuicPacket quic = read_quic_packet(datagram);
    if (i == 0) first = quic;
    if (quic.kind == QuicPacketKind::kNone || !is_of_connection(quic, first)) break;
    if (quic.kind == QuicPacketKind::kOtherVersion) {
      if (!state.has_keys) state.version = quic.version;
      return QuicInitialStatus::kOtherVersion;
    }
    if (status == QuicInitialStatus::kNotQuic) status = QuicInitialStatus::kNoInitial;
    datagram = datagram.subspan(quic.whole.size());
    if (quic.kind != QuicPacketKind::kInitial || ++initials > kQuicInitialsMax) continue;
    const auto text = ciphers_->open_packet(quic, state);
    if (!text) continue;
    status = read_frames(*text, state);
    if (status == QuicInitialStatus::kHello) status = read_stream(state, hello);
    if (status != QuicInitialStatus::kIncomplete) break;
  }
  return status;
}

}  // namespace tapline
