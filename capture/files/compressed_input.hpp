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

Result<std::unique_ptr<ByteInput>> open_gzip(std::unique_ptr<InputWindow> window);
Result<std::unique_ptr<ByteInput>> open_zstd(std::unique_ptr<InputWindow> window,
                                             unsigned window_log_max = kZstdWindowLogMax);

}  // namespace tapline
