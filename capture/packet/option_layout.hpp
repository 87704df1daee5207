#pragma once
// OptionLayout: which options a TCP header carries, in their order, in 12 bytes.

#include <array>
#include <cstdint>
#include <string>

namespace tapline {

/// 24 half bytes, the first in the lower half of its byte: an OptionCode each; behind kOther two more with
/// the option's kind, behind kEnd two with the number of bytes that follow it.
class OptionLayout {
 public:
  /// Options by RFC 9293, section 3.2, RFC 7323 and RFC 2018. Numbers are on disk.
  enum Code : std::uint8_t {
    kNone = 0,  // nothing follows
    kEnd,
    kNop,
    kMss,
    kWindowScale,
    kSackPermitted,
    kSack,
    kTimestamps,
    kOther,
    kMore = 15,  // there was no room for what follows
  };

  void append(Code code);
  /// kOther or kEnd.
  void append(Code code, std::uint8_t argument);

  /// As p0f prints it: "mss,nop,ws". "..." is kMore, '!' what is no code: bytes may come from a file.
  std::string text() const;

  static constexpr std::uint32_t kBytes = 12;
  const std::array<std::uint8_t, kBytes>& bytes() const { return half_bytes_; }
  static OptionLayout of_bytes(const std::array<std::uint8_t, kBytes>& bytes);

  friend bool operator==(const OptionLayout&, const OptionLayout&) = default;

 private:
  static constexpr std::uint32_t kSlots = 2 * kBytes;
  static constexpr std::uint32_t kLastSlot = kSlots - 1;  // kMore always has room

  std::uint32_t size() const;
  std::uint8_t at(std::uint32_t slot) const;
  void set(std::uint32_t slot, std::uint8_t half_byte);

  std::array<std::uint8_t, kBytes> half_bytes_{};
};

}  // namespace tapline
