#include "capture/files/input_window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tapline {

InputWindow::InputWindow(std::unique_ptr<ByteInput> input, std::string name)
    : input_(std::move(input)),
      name_(std::move(name)),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kWindowBytes)),
      capacity_bytes_(kWindowBytes) {}

void InputWindow::make_room(std::size_t bytes) {
  const std::size_t held = end_ - begin_;
  if (bytes > capacity_bytes_) {
    // Doubled, so that records that grow one by one do not each bring a new buffer.
    const std::size_t wanted = std::min(std::max(bytes, capacity_bytes_ * 2), kRecordBytesMax);
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(wanted);
    std::memcpy(larger.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(larger);
    capacity_bytes_ = wanted;
  } else {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
}

Result<bool> InputWindow::require(std::size_t bytes) {
  TAPLINE_CHECK(bytes <= kRecordBytesMax);
  if (end_ - begin_ >= bytes) return true;
  if (!ended_ && !error_) make_room(bytes);
  while (end_ - begin_ < bytes) {
    if (error_) return *error_;
    if (ended_) return false;
    const Result<std::size_t> count = input_->read({buffer_.get() + end_, capacity_bytes_ - end_});
    if (!count) {
      error_ = count.error();
    } else {
      ended_ = *count == 0;
      end_ += *count;
    }
  }
  return true;
}

Error error_at(const InputWindow& window, ErrorCode code, const std::string& what, std::size_t ahead) {
  return {code, fmt::format("{}: offset {}: {}", window.name(), window.offset() + ahead, what)};
}

}  // namespace tapline
