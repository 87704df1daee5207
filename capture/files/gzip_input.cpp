#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "capture/files/compressed_input.hpp"

namespace tapline {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib.h, inflateInit2: a gzip header is required

class GzipInput final : public ByteInput {
 public:
  explicit GzipInput(std::unique_ptr<InputWindow> window) : window_(std::move(window)) {}
  ~GzipInput() override { ::inflateEnd(&stream_); }

  Status start() {
    if (::inflateInit2(&stream_, kGzipOnly) != Z_OK) return Error{ErrorCode::kLimit, "no memory for zlib"};
    return {};
  }

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    if (error_) return *error_;
    out = out.first(std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max()));
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const std::uint64_t begin = window_->offset();
    while (stream_.avail_out == out.size()) {
      TAPLINE_TRY(check_outputless(*window_, begin));
      const Result<bool> more = between_members_ ? find_member(begin) : window_->require(1);
      if (!more) return more.error();
      if (!*more && between_members_) return std::size_t{0};
      if (!*more) return damage("the file ends within its gzip data");
      // What a call made before it failed is good: the error waits for the next read.
      if (Status inflated = inflate_some(); !inflated) error_ = inflated.error();
      if (error_ && stream_.avail_out == out.size()) return *error_;
    }
    return out.size() - stream_.avail_out;
  }

  SourceProgress progress() const override { return window_->progress(); }

 private:
  Error damage(const std::string& what) const { return error_at(*window_, ErrorCode::kCorrupt, what); }

  /// False at a proper end. Zero bytes after a member are padding (tapes and block devices leave it; gzip(1)
  /// too).
  Result<bool> find_member(std::uint64_t begin) {
    for (;;) {
      TAPLINE_TRY(check_outputless(*window_, begin));
      Result<bool> more = window_->require(1);
      if (!more || !*more) return more;
      const Bytes rest = window_->available();
      if (rest.front() != 0) break;
      window_->consume(static_cast<std::size_t>(
          std::find_if(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; }) -
          rest.begin()));
    }
    const Result<bool> magic = window_->require(2);
    if (!magic) return magic.error();
    const Bytes rest = window_->available();
    if (!*magic || rest[0] != 0x1f || rest[1] != 0x8b)
      return damage("bytes after the gzip data are not gzip");
    between_members_ = false;
    ::inflateReset(&stream_);
    return true;
  }

  Status inflate_some() {
    const Bytes in = window_->available();
    // zlib does not write through next_in; the cast is for its pre-const signature.
    stream_.next_in = const_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    window_->consume(in.size() - stream_.avail_in);
    if (code == Z_STREAM_END) {
      between_members_ = true;
      return {};
    }
    if (code == Z_OK || code == Z_BUF_ERROR) return {};
    if (code == Z_MEM_ERROR) return Error{ErrorCode::kLimit, "no memory for zlib"};
    return damage(fmt::format("gzip: {}", stream_.msg != nullptr ? stream_.msg : "invalid data"));
  }

  std::unique_ptr<InputWindow> window_;
  z_stream stream_ = {};
  bool between_members_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<ByteInput>> open_gzip(std::unique_ptr<InputWindow> window) {
  auto input = std::make_unique<GzipInput>(std::move(window));
  TAPLINE_TRY(input->start());
  return std::unique_ptr<ByteInput>(std::move(input));
}

}  // namespace tapline
