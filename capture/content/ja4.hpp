#pragma once
// JA4, FoxIO's fingerprint of a TLS client, by its public description (github.com/FoxIO-LLC/ja4,
// technical_details/JA4.md; BSD 3-clause). Of the JA4+ family this is the only one here: the others are under
// another licence.
//
//   t13d1516h2_8daaf6152771_e5627efa2ab1
//
// t, d or q: TLS, DTLS or QUIC; the highest version; d or i: there is a server name or none; how many cipher
// suites; how many extensions; first and last character of the first ALPN name; SHA-256 of the sorted cipher
// suites; SHA-256 of the sorted extensions, without SNI and ALPN, and of the signature algorithms as sent.
//
// GREASE is left out of everything. Lists longer than kJa4NumbersMax have no fingerprint: no client sends
// them, and sorting them is work that a sender could impose.

#include <array>
#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/content/fixed_text.hpp"
#include "capture/content/tls_names.hpp"

namespace tapline {

inline constexpr std::size_t kJa4NumbersMax = 512;

/// Numbers of 16 bits without GREASE: all are counted, the first ones kept.
class Ja4Numbers {
 public:
  void add(std::uint16_t number) {
    if (is_tls_grease(number)) return;
    if (count_ < kJa4NumbersMax) numbers_[count_] = number;
    ++count_;
  }
  /// Those in big-endian pairs of bytes.
  void add_pairs(Bytes pairs) {
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) add(load_be16(pairs.data() + i));
  }
  std::uint32_t count() const { return count_; }
  bool complete() const { return count_ <= kJa4NumbersMax; }
  std::span<const std::uint16_t> view() const {
    return {numbers_.data(), complete() ? count_ : kJa4NumbersMax};
  }

 private:
  std::uint32_t count_ = 0;
  std::array<std::uint16_t, kJa4NumbersMax> numbers_;  // only the first count_ are set
};

struct Ja4Input {
  TlsTransport transport = TlsTransport::kTcp;
  std::uint16_t version = 0;  // the highest offered
  bool has_server_name = false;
  Bytes first_alpn;  // empty: none
  Ja4Numbers ciphers;
  Ja4Numbers extensions;  // all
  Ja4Numbers signature_algorithms;
};

using Ja4Text = FixedText<36>;

/// "" where a list is too long.
Ja4Text ja4_text(const Ja4Input& input) noexcept;

}  // namespace tapline
