#pragma once
// InputWindow: the stretch of an input that is in memory. Readers look at whole records in place and consume
// them. Only require() moves or overwrites bytes; whatever was handed out before a call to it is void after
// it. Used by one thread. Memory: kWindowBytes; from the first record that needs more on, more,
// up to kRecordBytesMax.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "capture/files/byte_input.hpp"

namespace tapline {

/// What one read asks for. Measured on the large trace (1.6 GB, page cache warm, one touch of both ends of a
/// frame): user + sys 0.145 s at 128 KiB, 0.115 at 512 KiB, 0.115 at 1 MiB, 0.13 at 4 MiB; mmap 0.22 s. Half
/// a mebibyte stays in a core's second-level cache, so that decoding reads what the kernel has just copied
/// from there.
inline constexpr std::size_t kWindowBytes = std::size_t{512} << 10;
/// The longest record that a window holds: pcapng's blocks (wireshark's limit, too); pcap's records are
/// shorter.
inline constexpr std::size_t kRecordBytesMax = std::size_t{16} << 20;

class InputWindow {
 public:
  /// `name` is what messages call the input.
  InputWindow(std::unique_ptr<ByteInput> input, std::string name);

  /// The bytes in memory that have not been consumed.
  Bytes available() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) {
    TAPLINE_DCHECK(bytes <= end_ - begin_);
    begin_ += bytes;
    offset_ += bytes;
  }

  /// Reads until `bytes` (at most kRecordBytesMax) are available: true, or false where the input ends before.
  Result<bool> require(std::size_t bytes);

  /// Of available().front() in the input.
  std::uint64_t offset() const { return offset_; }
  const std::string& name() const { return name_; }
  SourceProgress progress() const { return input_->progress(); }

 private:
  void make_room(std::size_t bytes);

  std::unique_ptr<ByteInput> input_;
  std::string name_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t capacity_bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

/// Error{code} "NAME: offset N: <what>", for what begins `ahead` bytes after the window's front.
Error error_at(const InputWindow& window, ErrorCode code, const std::string& what, std::size_t ahead = 0);

}  // namespace tapline
