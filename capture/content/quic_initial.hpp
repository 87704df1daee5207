#pragma once
// QuicInitialReader: the ClientHello in a client's first QUIC packets (RFC 9000, section 17.2.2). They are
// encrypted, with keys that anybody on the path can derive (RFC 9001, section 5.2), and authenticated: what
// comes out was sent by a client that speaks QUIC, in this version, whatever the ports.
//
// A hello may be spread over several CRYPTO frames, in any order, in several packets and several datagrams
// (browsers with post-quantum keys always need two). The caller keeps a QuicInitialState a connection from
// the first kIncomplete to any other answer but kNotQuic and kNoInitial, and passes the next datagrams: of
// the client, or of both sides where it does not know who is the client. A packet that opens with the keys of
// its own connection id only (after a Retry, or of another connection between the same ports) begins the
// hello anew.
//
// Versions: those of quic_keys.hpp. Google's own (Q0xx, T0xx), other drafts, and Facebook's are
// kOtherVersion.
//
// Limits: a hello of kQuicHelloBytesMax, packets of kQuicPacketBytesMax, and kQuicPacketsMax packets a
// datagram of which kQuicInitialsMax are decrypted, each with two keys at most: 3.5 us for a datagram with a
// hello, 9 us for one of 9 KB whose four packets do not open, 18 us for four jumbo packets (AMD EPYC, g++
// 12). Nothing is allocated after open(). A reader belongs to one thread.

#include <array>
#include <cstdint>
#include <memory>

#include "capture/base/bytes.hpp"
#include "capture/base/result.hpp"
#include "capture/content/quic_keys.hpp"
#include "capture/content/tls_client_hello.hpp"

namespace tapline {

inline constexpr std::size_t kQuicHelloBytesMax = 8 * 1024;
inline constexpr std::size_t kQuicPacketBytesMax = 9'216;  // a jumbo frame
inline constexpr std::size_t kQuicPacketsMax = 8;
inline constexpr std::size_t kQuicInitialsMax = 4;

enum class QuicInitialStatus : std::uint8_t {
  kNotQuic,       // no packet with a long header and a version that is known as QUIC's
  kOtherVersion,  // such a version, which cannot be read; state.version has it
  kNoInitial,     // QUIC, but nothing that a client's keys open: the server's, or later packets. State is as
                  // before
  kIncomplete,    // the hello goes on in another datagram
  kHello,
  kMalformed,  // opened, but not what a client sends first
  kTooLong,    // a hello beyond the limits
};

/// What is kept of a connection until its hello is complete: 9.1 KiB, trivially copyable. The default is that
/// of a new connection.
struct QuicInitialState {
  std::uint32_t version = 0;
  bool has_keys = false;  // of the client's first packet that could be opened
  std::uint8_t connection_id_bytes = 0;
  std::array<std::uint8_t, 20> connection_id{};  // from which they were derived
  QuicKeys keys;
  std::uint32_t prefix_bytes = 0;  // so much of the CRYPTO stream is there without a hole
  std::array<std::uint64_t, kQuicHelloBytesMax / 64> present{};
  std::array<std::uint8_t, kQuicHelloBytesMax> crypto{};
};

class QuicInitialReader {
 public:
  /// Fails only where OpenSSL lacks AES or memory.
  static Result<QuicInitialReader> open();
  QuicInitialReader(QuicInitialReader&&) noexcept;
  QuicInitialReader& operator=(QuicInitialReader&&) noexcept;
  ~QuicInitialReader();

  /// Of the payload of a UDP datagram. `hello` is set by kHello only.
  QuicInitialStatus read(Bytes datagram, QuicInitialState& state, TlsClientHello& hello) noexcept;

 private:
  struct Ciphers;
  explicit QuicInitialReader(std::unique_ptr<Ciphers> ciphers);

  std::unique_ptr<Ciphers> ciphers_;
};

}  // namespace tapline
