#pragma once
// Texts of foreign bytes in a place of fixed size: FixedText holds one and says where it was cut, TextList
// holds the first few of many and never a part of one. Neither allocates; both are copied as they are.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "capture/base/bytes.hpp"

namespace tapline {

template <std::size_t kBytesMax>
class FixedText {
  static_assert(kBytesMax <= 0xffff);

 public:
  std::string_view view() const { return {text_.data(), bytes_}; }
  bool empty() const { return bytes_ == 0; }
  /// Whether there was more than there is room for.
  bool cut() const { return cut_; }

  /// As many of the bytes as fit. Nothing is added to a text that is cut.
  void append(std::string_view text) {
    if (cut_) return;
    const std::size_t count = std::min(text.size(), kBytesMax - bytes_);
    std::copy_n(text.data(), count, text_.data() + bytes_);
    bytes_ = static_cast<std::uint16_t>(bytes_ + count);
    cut_ = count < text.size();
  }
  /// All of the bytes or, where they do not fit, none: for what must not be cut in its middle.
  void append_whole(std::string_view text) {
    if (cut_ || text.size() > kBytesMax - bytes_)
      cut_ = true;
    else
      append(text);
  }
  /// There was more, which nobody tried to add.
  void cut_off() { cut_ = true; }
  void assign(std::string_view text) {
    bytes_ = 0;
    cut_ = false;
    append(text);
  }

 private:
  std::uint16_t bytes_ = 0;
  bool cut_ = false;
  std::array<char, kBytesMax> text_{};
};

template <std::size_t kTextsMax, std::size_t kBytesMax>
class TextList {
  static_assert(kTextsMax <= 0xff && kBytesMax <= 0xffff);

 public:
  /// How many there were, and how many of them are here: the first that fitted.
  std::uint32_t seen() const { return seen_; }
  std::size_t size() const { return listed_; }
  bool empty() const { return listed_ == 0; }
  bool complete() const { return seen_ == listed_; }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {text_.data() + begin, ends_[i] - begin};
  }

  /// After the first that does not fit none is listed, so that those listed are always the first ones.
  void add(std::string_view text) {
    const std::size_t used = listed_ == 0 ? 0 : ends_[listed_ - 1];
    const bool fits = seen_ == listed_ && listed_ < kTextsMax && text.size() <= kBytesMax - used;
    ++seen_;
    if (!fits) return;
    std::copy_n(text.data(), text.size(), text_.data() + used);
    ends_[listed_++] = static_cast<std::uint16_t>(used + text.size());
  }

 private:
  std::uint32_t seen_ = 0;
  std::uint8_t listed_ = 0;
  std::array<std::uint16_t, kTextsMax> ends_{};
  std::array<char, kBytesMax> text_{};
};

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tapline
