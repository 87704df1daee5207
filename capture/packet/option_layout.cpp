#include "capture/packet/option_layout.hpp"

#include "capture/packet/p0f_names.hpp"

namespace tapline {
namespace {

constexpr bool has_argument(std::uint8_t code) {
  return code == OptionLayout::kEnd || code == OptionLayout::kOther;
}

}  // namespace

std::uint8_t OptionLayout::at(std::uint32_t slot) const {
  return half_bytes_[slot / 2] >> 4 * (slot % 2) & 0xf;
}

void OptionLayout::set(std::uint32_t slot, std::uint8_t half_byte) {
  half_bytes_[slot / 2] = static_cast<std::uint8_t>(half_bytes_[slot / 2] | half_byte << 4 * (slot % 2));
}

// Slots in use.
std::uint32_t OptionLayout::size() const {
  std::uint32_t slot = 0;
  while (slot < kSlots && at(slot) != kNone) slot += has_argument(at(slot)) ? 3 : 1;
  return slot;
}

void OptionLayout::append(Code code) {
  const std::uint32_t slot = size();
  if (slot < kSlots) set(slot, slot < kLastSlot ? code : kMore);
}

void OptionLayout::append(Code code, std::uint8_t argument) {
  const std::uint32_t slot = size();
  if (slot + 3 > kLastSlot) return append(kMore);
  set(slot, code);
  set(slot + 1, argument & 0xf);
  set(slot + 2, argument >> 4);
}

std::string OptionLayout::text() const {
  std::string text;
  for (std::uint32_t slot = 0; slot < kSlots && at(slot) != kNone; ++slot) {
    const std::uint8_t code = at(slot);
    if (slot != 0) text += ',';
    if (code == kMore) return text + "...";
    text += code < std::size(kP0fOptionNames) ? kP0fOptionNames[code] : "!";
    if (!has_argument(code) || slot + 2 >= kSlots) continue;
    text += std::to_string(at(slot + 1) | at(slot + 2) << 4);
    slot += 2;
  }
  return text;
}

OptionLayout OptionLayout::of_bytes(const std::array<std::uint8_t, kBytes>& bytes) {
  OptionLayout layout;
  layout.half_bytes_ = bytes;
  return layout;
}

}  // namespace tapline
