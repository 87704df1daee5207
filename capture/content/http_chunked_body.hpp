#pragma once
// HttpChunkedBody: finds the end of a body in the chunked transfer coding (RFC 9112, section 7.1), and counts
// its content. Takes the bytes in any pieces; extensions and trailer fields are passed over. Lenient about
// bare LF and blanks after a size. Constant state, no allocation.

#include <cstdint>

#include "capture/base/bytes.hpp"

namespace tapline {

class HttpChunkedBody {
 public:
  enum class State : std::uint8_t { kSize, kRestOfSizeLine, kData, kDataEnd, kTrailer, kDone, kBad };

  /// Returns how many bytes belong to the body: all, unless state() is kDone or kBad afterwards.
  std::size_t consume(Bytes bytes) noexcept;

  /// Bytes that were not seen. False: more than data of the present chunk, the place in the body is lost.
  bool skip(std::uint64_t bytes) noexcept;

  State state() const { return state_; }
  std::uint64_t content_bytes() const { return content_bytes_; }  // with those skipped

 private:
  std::size_t take_data(std::uint64_t bytes) noexcept;
  void take_line_byte(char c) noexcept;
  void take_size_byte(char c) noexcept;
  void end_size_line() noexcept;

  std::uint64_t chunk_bytes_ = 0;  // of the present chunk, still to come
  std::uint64_t content_bytes_ = 0;
  State state_ = State::kSize;
  bool has_digit_ = false;
  bool line_is_empty_ = true;  // of a trailer, so far
};

}  // namespace tapline
