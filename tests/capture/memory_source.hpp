#pragma once
// Opens captures in memory, whole or in small pieces.

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "capture/files/capture_file_source.hpp"

namespace tapline {

/// Gives at most `piece_bytes` a read, as a pipe might.
class TrickleInput final : public ByteInput {
 public:
  TrickleInput(Bytes bytes, std::size_t piece_bytes) : input_(bytes), piece_bytes_(piece_bytes) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    return input_.read(out.first(std::min(out.size(), piece_bytes_)));
  }
  SourceProgress progress() const override { return input_.progress(); }

 private:
  MemoryInput input_;
  std::size_t piece_bytes_;
};

inline Result<std::unique_ptr<FrameSource>> try_open(Bytes image) {
  return CaptureFileSource::open(std::make_unique<MemoryInput>(image), "image");
}

inline std::unique_ptr<FrameSource> open_image(Bytes image) {
  Result<std::unique_ptr<FrameSource>> source = try_open(image);
  if (!source) FAIL(source.error().context);
  return *std::move(source);
}

inline std::unique_ptr<FrameSource> open_trickling(Bytes image, std::size_t piece_bytes) {
  Result<std::unique_ptr<FrameSource>> source =
      CaptureFileSource::open(std::make_unique<TrickleInput>(image, piece_bytes), "image");
  if (!source) FAIL(source.error().context);
  return *std::move(source);
}

/// The only frame of an image.
inline Frame only_frame(FrameSource& source) {
  std::array<Frame, 2> frames;
  const Result<PollResult> polled = source.poll(frames);
  if (!polled) FAIL(polled.error().context);
  REQUIRE(polled->frames == 1);
  return frames[0];
}

/// The error that comes when `image` is opened or polled to its end; fails where there is none.
inline Error error_of(Bytes image) {
  Result<std::unique_ptr<FrameSource>> source = try_open(image);
  if (!source) return source.error();
  std::array<Frame, kBurstFramesMax> frames;
  for (;;) {
    const Result<PollResult> polled = (*source)->poll(frames);
    if (!polled) return polled.error();
    if (polled->end) FAIL("no error");
  }
}

}  // namespace tapline
