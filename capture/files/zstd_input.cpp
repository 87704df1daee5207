#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <utility>

#include "capture/base/size.hpp"
#include "capture/files/compressed_input.hpp"

namespace tapline {
namespace {

constexpr std::uint32_t kZstdMagic = 0xfd2f'b528;
// To ..5f: the low four bits are the user's (RFC 8878, 3.1.2).
constexpr std::uint32_t kZstdSkippableMagic = 0x184d'2a50;
constexpr std::size_t kBlockHeaderBytes = 3;

class ZstdInput final : public ByteInput {
 public:
  explicit ZstdInput(std::unique_ptr<InputWindow> window)
      : window_(std::move(window)), context_(::ZSTD_createDCtx(), &::ZSTD_freeDCtx) {}

  Status start(unsigned window_log_max) {
    if (context_ == nullptr) return Error{ErrorCode::kLimit, "no memory for zstd"};
    ::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, static_cast<int>(window_log_max));
    return {};
  }

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    ZSTD_outBuffer made = {out.data(), out.size(), 0};
    const std::uint64_t begin = window_->offset();
    while (made.pos == 0) {
      TAPLINE_TRY(check_outputless(*window_, begin));
      const Result<bool> more = window_->require(1);
      if (!more) return more.error();
      // At the end there may still be output inside: one call without input, until it says that a frame is
      // complete.
      if (!*more && between_frames_) return std::size_t{0};
      const Bytes given = *more ? next_piece() : Bytes{};
      ZSTD_inBuffer in = {given.data(), given.size(), 0};
      const std::size_t hint = ::ZSTD_decompressStream(context_.get(), &made, &in);
      if (::ZSTD_isError(hint) != 0) return failure(hint, in.pos);
      window_->consume(in.pos);
      hint_bytes_ = hint;
      between_frames_ = hint == 0;
      if (!*more && made.pos == 0 && !between_frames_) {
        return error_at(*window_, ErrorCode::kCorrupt, "the file ends within its zstd data");
      }
    }
    return made.pos;
  }

  SourceProgress progress() const override { return window_->progress(); }

 private:
  /// The input up to the end of the current block header or block, never beyond. libzstd forgets the output
  /// of a call that fails, so a call must not reach from a good block into a bad one. Its hint is what it
  /// wants next and, where that is a block, the 3 bytes of the block header after it.
  Bytes next_piece() const {
    const std::size_t wanted =
        hint_bytes_ > kBlockHeaderBytes ? hint_bytes_ - kBlockHeaderBytes : hint_bytes_;
    const Bytes rest = window_->available();
    return rest.first(std::min(rest.size(), std::max<std::size_t>(wanted, 1)));
  }

  Error failure(std::size_t hint, std::size_t ahead) const {
    const bool too_large = ::ZSTD_getErrorCode(hint) == ZSTD_error_frameParameter_windowTooLarge;
    return error_at(*window_, too_large ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
                    fmt::format("zstd: {}", ::ZSTD_getErrorName(hint)), ahead);
  }

  std::unique_ptr<InputWindow> window_;
  std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context_;
  std::size_t hint_bytes_ = 0;
  bool between_frames_ = true;
};

}  // namespace

Compression sniff_compression(Bytes front) {
  if (front.size() >= 2 && front[0] == 0x1f && front[1] == 0x8b) return Compression::kGzip;
  if (front.size() < 4) return Compression::kNone;
  const auto magic = load_le<std::uint32_t>(front.data());
  const bool zstd = magic == kZstdMagic || (magic & 0xffff'fff0) == kZstdSkippableMagic;
  return zstd ? Compression::kZstd : Compression::kNone;
}

Status check_outputless(const InputWindow& window, std::uint64_t begin) {
  if (window.offset() - begin <= kOutputlessBytesMax) return {};
  return error_at(
      window, ErrorCode::kLimit,
      fmt::format("more than {} of compressed data without content", format_size(kOutputlessBytesMax)));
}

Result<std::unique_ptr<ByteInput>> open_zstd(std::unique_ptr<InputWindow> window, unsigned window_log_max) {
  auto input = std::make_unique<ZstdInput>(std::move(window));
  TAPLINE_TRY(input->start(window_log_max));
  return std::unique_ptr<ByteInput>(std::move(input));
}

}  // namespace tapline
