#pragma once
// CaptureFileSource: the FrameSource over any ByteInput. file_source.hpp opens it for a path; tests and
// fuzzers give it bytes in memory.

#include <memory>
#include <optional>
#include <string>

#include "capture/files/capture_reader.hpp"
#include "capture/files/compressed_input.hpp"
#include "capture/frame_source.hpp"

namespace tapline {

/// A capture within gzip within zstd is read; a third layer is somebody's joke (kUnsupported).
inline constexpr unsigned kCompressionLayersMax = 2;

class CaptureFileSource final : public FrameSource {
 public:
  /// `name` is what messages call the input. Errors as for open_capture_file.
  static Result<std::unique_ptr<FrameSource>> open(std::unique_ptr<ByteInput> input, const std::string& name,
                                                   unsigned zstd_window_log_max = kZstdWindowLogMax);

  Result<PollResult> poll(std::span<Frame> frames) override;
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return window_->progress(); }

 private:
  CaptureFileSource(std::unique_ptr<InputWindow> window, std::unique_ptr<CaptureReader> reader)
      : window_(std::move(window)), reader_(std::move(reader)) {}

  std::unique_ptr<InputWindow> window_;
  std::unique_ptr<CaptureReader> reader_;  // looks at window_
  SourceCounters counters_;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace tapline
