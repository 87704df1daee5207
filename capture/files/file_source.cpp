#include "capture/files/file_source.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "capture/files/capture_file_source.hpp"

namespace tapline {
namespace {

constexpr std::size_t kMagicBytes = 4;

/// Other capture formats by their first bytes: so that the message can say what to do.
const char* other_format(Bytes front) {
  struct Magic {
    std::uint32_t be;
    const char* name;
  };
  static constexpr Magic kMagics[] = {
      {0x736e'6f6f, "a snoop capture"},
      {0x5254'5353, "a Network Monitor 1 capture"},
      {0x474d'4255, "a Network Monitor 2 capture"},
      {0x5452'534e, "a Sniffer capture"},
      {0x504b'0304, "a zip archive"},
      {0x425a'6839, "bzip2 data"},
      {0xfd37'7a58, "xz data"},
      {0x0422'4d18, "lz4 data"},
  };
  if (front.size() < kMagicBytes) return nullptr;
  for (const Magic& magic : kMagics) {
    if (load_be32(front.data()) == magic.be) return magic.name;
  }
  return nullptr;
}

Error not_a_capture(const InputWindow& window) {
  const Bytes front = window.available().first(std::min<std::size_t>(window.available().size(), 8));
  if (front.empty())
    return {ErrorCode::kCorrupt, fmt::format("{}: is empty, not a capture file", window.name())};
  if (const char* other = other_format(front)) {
    return {ErrorCode::kUnsupported,
            fmt::format("{}: is {}; pcap, pcapng, gzip and zstd are read", window.name(), other)};
  }
  return {ErrorCode::kCorrupt,
          fmt::format("{}: is not a capture file: begins with {:02x}", window.name(), fmt::join(front, " "))};
}

/// Replaces `window` by the decompressed one as long as its front is compressed.
Status decompress(std::unique_ptr<InputWindow>& window, unsigned zstd_window_log_max) {
  for (unsigned layer = 0;; ++layer) {
    if (const Result<bool> some = window->require(kMagicBytes); !some) return some.error();
    const Compression compression = sniff_compression(window->available());
    if (compression == Compression::kNone) return {};
    if (layer == kCompressionLayersMax) {
      return Error{ErrorCode::kUnsupported, fmt::format("{}: is compressed more than {} times",
                                                        window->name(), kCompressionLayersMax)};
    }
    const std::string name = window->name() + " (decompressed)";
    Result<std::unique_ptr<ByteInput>> input = compression == Compression::kGzip
                                                   ? open_gzip(std::move(window))
                                                   : open_zstd(std::move(window), zstd_window_log_max);
    if (!input) return input.error();
    window = std::make_unique<InputWindow>(*std::move(input), name);
  }
}

Result<std::unique_ptr<CaptureReader>> open_reader(InputWindow& window) {
  const Bytes front = window.available();
  const std::uint32_t magic = front.size() < kMagicBytes ? 0 : load_le<std::uint32_t>(front.data());
  if (is_pcap(magic)) return open_pcap(window);
  if (is_pcapng(magic)) return open_pcapng(window);
  return not_a_capture(window);
}

}  // namespace

Result<std::unique_ptr<FrameSource>> CaptureFileSource::open(std::unique_ptr<ByteInput> input,
                                                             const std::string& name,
                                                             unsigned zstd_window_log_max) {
  auto window = std::make_unique<InputWindow>(std::move(input), name);
  TAPLINE_TRY(decompress(window, zstd_window_log_max));
  Result<std::unique_ptr<CaptureReader>> reader = open_reader(*window);
  if (!reader) return reader.error();
  return std::unique_ptr<FrameSource>(new CaptureFileSource(std::move(window), *std::move(reader)));
}

Result<PollResult> CaptureFileSource::poll(std::span<Frame> frames) {
  if (error_) return *error_;
  if (ended_) return PollResult{0, true};
  Result<PollResult> polled = reader_->read_burst(frames);
  if (!polled) {
    error_ = polled.error();
    error_->context += fmt::format("; {} frames before it are whole", counters_.polled_frames);
    return *error_;
  }
  for (const Frame& frame : frames.first(polled->frames)) {
    counters_.polled_captured_bytes += frame.captured_bytes;
    counters_.polled_wire_bytes += frame.wire_bytes;
  }
  counters_.polled_frames += polled->frames;
  counters_.device_received_frames = counters_.polled_frames;
  ended_ = polled->end;
  return polled;
}

Result<std::unique_ptr<FrameSource>> open_capture_file(const std::string& path) {
  if (path == "-") {
    // A copy, so that the process keeps its standard input whatever happens to the source.
    const int descriptor = ::dup(STDIN_FILENO);
    if (descriptor < 0) return io_error("read", "standard input");
    return CaptureFileSource::open(std::make_unique<FileInput>(File::adopt(descriptor, "standard input")),
                                   "standard input");
  }
  Result<File> file = File::open_read(path);
  if (!file) return file.error();
  return CaptureFileSource::open(std::make_unique<FileInput>(*std::move(file)), path);
}

}  // namespace tapline
