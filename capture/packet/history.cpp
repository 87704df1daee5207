#include "capture/packet/history.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <string_view>

namespace tapline {
namespace {

constexpr std::uint32_t kEventBits = 5;
constexpr std::uint32_t kEventsPerWord = 12;
constexpr std::uint64_t kEventMask = (1u << kEventBits) - 1;

// By HistoryEvent.
constexpr std::string_view kLetters = "?shadfrgtwiqc";

}  // namespace

std::uint32_t History::size() const {
  std::uint32_t count = 0;
  for (const std::uint64_t word : words_) {
    if (word == 0) break;
    const auto top_bit = static_cast<std::uint32_t>(std::bit_width(word)) - 1;
    count += std::min(top_bit / kEventBits + 1, kEventsPerWord);
    if (count % kEventsPerWord != 0) break;
  }
  return count;
}

void History::append(HistoryEvent event, Direction direction) {
  const std::uint32_t count = size();
  if (count == kEventsMax) return;
  const auto code = static_cast<std::uint64_t>(event) * 2 + static_cast<std::uint64_t>(direction);
  words_[count / kEventsPerWord] |= code << kEventBits * (count % kEventsPerWord);
}

History::Entry History::at(std::uint32_t i) const {
  const std::uint64_t code = words_[i / kEventsPerWord] >> kEventBits * (i % kEventsPerWord) & kEventMask;
  return {static_cast<HistoryEvent>(code / 2), static_cast<Direction>(code % 2)};
}

std::string History::text(Direction originator, bool flipped) const {
  std::string text = flipped ? "^" : "";
  for (std::uint32_t i = 0; i < size(); ++i) {
    const Entry entry = at(i);
    const auto number = static_cast<std::size_t>(entry.event);
    const char letter = number < kLetters.size() ? kLetters[number] : '?';
    text += entry.direction == originator ? static_cast<char>(std::toupper(letter)) : letter;
  }
  return text;
}

History History::of_words(const std::array<std::uint64_t, 3>& words) {
  History history;
  history.words_ = words;
  return history;
}

}  // namespace tapline
