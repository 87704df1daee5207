#include "capture/content/http_chunked_body.hpp"

#include <algorithm>

#include "capture/content/http_head.hpp"

namespace tapline {
namespace {

// -1: no hexadecimal digit.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::size_t HttpChunkedBody::consume(Bytes bytes) noexcept {
  std::size_t used = 0;
  while (used < bytes.size() && state_ != State::kDone && state_ != State::kBad) {
    if (state_ == State::kData)
      used += take_data(bytes.size() - used);
    else
      take_line_byte(static_cast<char>(bytes[used++]));
  }
  return used;
}

bool HttpChunkedBody::skip(std::uint64_t bytes) noexcept {
  if (bytes == 0) return true;
  if (state_ != State::kData || bytes > chunk_bytes_) return false;
  take_data(bytes);
  return true;
}

std::size_t HttpChunkedBody::take_data(std::uint64_t bytes) noexcept {
  const std::uint64_t taken = std::min(bytes, chunk_bytes_);
  chunk_bytes_ -= taken;
  content_bytes_ += taken;
  if (chunk_bytes_ == 0) state_ = State::kDataEnd;
  return static_cast<std::size_t>(taken);
}

void HttpChunkedBody::take_line_byte(char c) noexcept {
  switch (state_) {
    case State::kSize:
      return take_size_byte(c);
    case State::kRestOfSizeLine:
      if (c == '\n') end_size_line();
      return;
    case State::kDataEnd:
      if (c == '\n') {
        state_ = State::kSize;
        has_digit_ = false;
      } else if (c != '\r') {
        state_ = State::kBad;
      }
      return;
    case State::kTrailer:
      if (c == '\n') {
        if (line_is_empty_) state_ = State::kDone;
        line_is_empty_ = true;
      } else if (c != '\r') {
        line_is_empty_ = false;
      }
      return;
    default:
      return;
  }
}

void HttpChunkedBody::take_size_byte(char c) noexcept {
  if (const int digit = hex_value(c); digit >= 0) {
    has_digit_ = true;
    chunk_bytes_ = chunk_bytes_ * 16 + static_cast<std::uint64_t>(digit);
    if (chunk_bytes_ > kHttpBodyBytesMax) state_ = State::kBad;
  } else if (has_digit_ && c == '\n') {
    end_size_line();
  } else if (has_digit_ && (c == ';' || c == ' ' || c == '\t' || c == '\r')) {
    state_ = State::kRestOfSizeLine;
  } else {
    state_ = State::kBad;
  }
}

void HttpChunkedBody::end_size_line() noexcept {
  state_ = chunk_bytes_ > 0 ? State::kData : State::kTrailer;
}

}  // namespace tapline
