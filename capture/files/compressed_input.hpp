#pragma once
// What gzip (RFC 1952) and zstd (RFC 8878) make of another input. Several gzip members, several zstd frames
// and skippable frames in a row are one stream, as for `gzip -dc` and `zstd -dc`; bytes that are neither are
// damage.

#include <memory>

#include "capture/files/byte_input.hpp"
#include "capture/files/input_window.hpp"

namespace tapline {

enum class Compression : std::uint8_t { kNone, kGzip, kZstd };

/// By the magic number, never by the name of the file. `front` is the beginning of the input, at least 4
/// bytes of it.
Compression sniff_compression(Bytes front);

/// A zstd frame whose window exceeds this is refused (kUnsupported): 128 MiB, what `zstd -d` accepts by
/// default.
inline constexpr unsigned kZstdWindowLogMax = 27;

/// Input that one read() takes in without giving any output: padding, empty members, skippable frames. A call
/// must end, also where gigabytes of those are themselves compressed to next to nothing.
inline constexpr std::uint64_t kOutputlessBytesMax = std::uint64_t{16} << 20;
/// kLimit where the input from `begin` to the window's front exceeds it.
Status check_outputless(const InputWindow& window, std::uint64_t begin);

Result<std::unique_ptr<ByteInput>> open_gzip(std::unique_ptr<InputWindow> window);
Result<std::unique_ptr<ByteInput>> open_zstd(std::unique_ptr<InputWindow> window,
                                             unsigned window_log_max = kZstdWindowLogMax);

}  // namespace tapline
