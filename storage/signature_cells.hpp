#pragma once
// A SYN signature as four cells of a session's row: what one system always sends alike stands together, so
// that there are few distinct values a column. FORMAT.md, "Session records", columns 80 to 87.

#include <array>
#include <cstring>

#include "capture/packet/syn_signature.hpp"

namespace tapline::storage {

using SignatureCells = std::array<std::uint64_t, 4>;

/// `ttl_foretold`: ttl_min of the side that it is expected to come from.
inline SignatureCells cells_of(const SynSignature& signature, std::uint8_t ttl_foretold) {
  std::uint64_t options_begin = 0;
  std::uint32_t options_end = 0;
  const auto& options = signature.options.bytes();
  std::memcpy(&options_begin, options.data(), sizeof options_begin);
  std::memcpy(&options_end, options.data() + sizeof options_begin, sizeof options_end);
  const std::uint64_t sizes = std::uint64_t{signature.window} | std::uint64_t{signature.mss} << 16 |
                              std::uint64_t{signature.window_scale} << 32 |
                              std::uint64_t{signature.tcp_header_bytes} << 40 |
                              std::uint64_t{signature.ip_options_bytes} << 48;
  const int ttl = signature.ttl - (signature.exists() ? ttl_foretold : 0);
  return {sizes, signature.flags | std::uint64_t{options_end} << 32, options_begin,
          static_cast<std::uint8_t>(ttl)};
}

inline SynSignature signature_of(const SignatureCells& cells, std::uint8_t ttl_foretold) {
  SynSignature signature;
  signature.window = static_cast<std::uint16_t>(cells[0]);
  signature.mss = static_cast<std::uint16_t>(cells[0] >> 16);
  signature.window_scale = static_cast<std::uint8_t>(cells[0] >> 32);
  signature.tcp_header_bytes = static_cast<std::uint8_t>(cells[0] >> 40);
  signature.ip_options_bytes = static_cast<std::uint8_t>(cells[0] >> 48);
  signature.flags = static_cast<std::uint32_t>(cells[1]);
  std::array<std::uint8_t, OptionLayout::kBytes> options;
  const auto options_end = static_cast<std::uint32_t>(cells[1] >> 32);
  std::memcpy(options.data(), &cells[2], sizeof cells[2]);
  std::memcpy(options.data() + sizeof cells[2], &options_end, sizeof options_end);
  signature.options = OptionLayout::of_bytes(options);
  signature.ttl = static_cast<std::uint8_t>(cells[3] + (signature.exists() ? ttl_foretold : 0));
  return signature;
}

}  // namespace tapline::storage
