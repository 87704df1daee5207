#include "tools/capture_writer.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>

namespace tapline::tools {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;
/// Less than that, or pieces shorter than that, are cheaper to copy than to be listed for the kernel.
constexpr std::uint64_t kGatherBytesMin = 32 * 1024;
constexpr std::uint64_t kGatherPieceBytesMin = 128;
/// Linux's limit for programs without privileges; a pipe has 64 KiB, and whoever reads it is woken for each.
constexpr int kPipeBytes = 1 << 20;
/// Seconds of pcap are 32 bits.
constexpr TimeNs kPcapTimeEnd = (TimeNs{1} << 32) * kNsPerSecond;
constexpr std::uint32_t kPcapNanosecondMagic = 0xA1B23C4D;

// pcapng (draft-ietf-opsawg-pcapng): block types and the options used.
constexpr std::uint32_t kSectionHeaderBlock = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceBlock = 1;
constexpr std::uint32_t kEnhancedPacketBlock = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint16_t kOptionTimeResolution = 9;

void put_padding(ByteBuffer& out) {
  while (out.size() % 4 != 0) out.push_back(0);
}

}  // namespace

Result<CaptureWriter> CaptureWriter::open(const std::string& path, CaptureFormat format) {
  if (path == "-") {
    static_cast<void>(::fcntl(STDOUT_FILENO, F_SETPIPE_SZ, kPipeBytes));  // no pipe, or no room: as it is
    return CaptureWriter(File::adopt(::dup(STDOUT_FILENO), "standard output"), format);
  }
  Result<File> file = File::create(path);
  if (!file) return file.error();
  return CaptureWriter(std::move(*file), format);
}

Status CaptureWriter::begin_pcap(std::uint16_t link_type) {
  if (begun_ && link_type == link_type_) return {};
  if (begun_) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("the answer holds frames of link types {} and {}, which one pcap file "
                             "cannot hold: use --format pcapng",
                             link_type_, link_type)};
  }
  begun_ = true;
  link_type_ = link_type;
  put(buffer_, kPcapNanosecondMagic);
  put<std::uint16_t>(buffer_, 2);
  put<std::uint16_t>(buffer_, 4);
  put<std::uint64_t>(buffer_, 0);
  put(buffer_, kFrameBytesMax);
  put<std::uint32_t>(buffer_, link_type);
  return {};
}

void CaptureWriter::begin_pcapng() {
  if (begun_) return;
  begun_ = true;
  constexpr std::uint32_t kBlockBytes = 28;
  put(buffer_, kSectionHeaderBlock);
  put(buffer_, kBlockBytes);
  put(buffer_, kByteOrderMagic);
  put<std::uint16_t>(buffer_, 1);
  put<std::uint16_t>(buffer_, 0);
  put<std::int64_t>(buffer_, -1);  // section length: not told
  put(buffer_, kBlockBytes);
}

std::uint32_t CaptureWriter::interface_of(const Frame& frame) {
  const auto next = static_cast<std::uint32_t>(interfaces_.size());
  const auto [found, inserted] = interfaces_.try_emplace({frame.link_type, frame.port}, next);
  if (inserted) {
    constexpr std::uint32_t kBlockBytes = 32;
    put(buffer_, kInterfaceBlock);
    put(buffer_, kBlockBytes);
    put<std::uint32_t>(buffer_, frame.link_type);
    put(buffer_, kFrameBytesMax);
    put(buffer_, kOptionTimeResolution);
    put<std::uint16_t>(buffer_, 1);
    put<std::uint32_t>(buffer_, 9);  // 10^-9 s, padded
    put<std::uint32_t>(buffer_, 0);  // end of options
    put(buffer_, kBlockBytes);
  }
  return found->second;
}

void CaptureWriter::count(const Frame& frame) {
  ++frames_;
  const bool out_of_time =
      frame.time_ns < 0 || (format_ == CaptureFormat::kPcap && frame.time_ns >= kPcapTimeEnd);
  if (out_of_time) ++frames_out_of_time_;
}

void CaptureWriter::put_pcap(const Frame& frame) {
  const std::array<std::uint32_t, 4> record{static_cast<std::uint32_t>(floor_seconds(frame.time_ns)),
                                            second_rest_ns(frame.time_ns), frame.captured_bytes,
                                            frame.wire_bytes};
  put(buffer_, record);
  put_bytes(buffer_, {frame.data, frame.captured_bytes});
}

void CaptureWriter::put_pcapng(const Frame& frame) {
  const std::uint32_t interface_number = interface_of(frame);
  const std::uint32_t block_bytes = 32 + (frame.captured_bytes + 3) / 4 * 4;
  const auto time = static_cast<std::uint64_t>(frame.time_ns);
  put(buffer_, kEnhancedPacketBlock);
  put(buffer_, block_bytes);
  put(buffer_, interface_number);
  put(buffer_, static_cast<std::uint32_t>(time >> 32));
  put(buffer_, static_cast<std::uint32_t>(time));
  put(buffer_, frame.captured_bytes);
  put(buffer_, frame.wire_bytes);
  put_bytes(buffer_, {frame.data, frame.captured_bytes});
  put_padding(buffer_);
  put(buffer_, block_bytes);
}

Status CaptureWriter::write(const Frame& frame) {
  if (format_ == CaptureFormat::kPcap) {
    TAPLINE_TRY(begin_pcap(frame.link_type));
    put_pcap(frame);
  } else {
    begin_pcapng();
    put_pcapng(frame);
  }
  count(frame);
  return buffer_.size() >= kBufferBytes ? flush() : Status();
}

Status CaptureWriter::write(std::span<const query::FrameRun> runs) {
  pieces_.assign(1, Bytes());
  std::uint64_t bytes = 0;
  for (const query::FrameRun& run : runs) {
    if (format_ == CaptureFormat::kPcapng) {
      for (const Frame& frame : run.frames) TAPLINE_TRY(write(frame));
      continue;
    }
    if (const Status begun = begin_pcap(run.frames[0].link_type); !begun) {
      TAPLINE_TRY(write_pieces(bytes));  // what came before stays
      return begun;
    }
    for (const Frame& frame : run.frames) {
      count(frame);
      const Bytes record = query::record_of(frame);
      Bytes& last = pieces_.back();
      if (last.data() + last.size() == record.data()) {
        last = {last.data(), last.size() + record.size()};
      } else {
        pieces_.push_back(record);
      }
      bytes += record.size();
    }
  }
  return write_pieces(bytes);
}

Status CaptureWriter::write_pieces(std::uint64_t bytes) {
  const std::span<const Bytes> pieces = std::span(pieces_).subspan(1);
  if (bytes < kGatherBytesMin || bytes < kGatherPieceBytesMin * pieces.size()) {
    for (const Bytes piece : pieces) put_bytes(buffer_, piece);
    return buffer_.size() >= kBufferBytes ? flush() : Status();
  }
  pieces_[0] = buffer_;
  TAPLINE_TRY(file_.write_gather(pieces_));
  file_bytes_ += buffer_.size() + bytes;
  buffer_.clear();
  return {};
}

Status CaptureWriter::flush() {
  TAPLINE_TRY(file_.write_all(buffer_));
  file_bytes_ += buffer_.size();
  buffer_.clear();
  return {};
}

Status CaptureWriter::finish() {
  if (format_ == CaptureFormat::kPcap && !begun_) TAPLINE_TRY(begin_pcap(kLinkEthernet));
  if (format_ == CaptureFormat::kPcapng) begin_pcapng();
  return flush();
}

}  // namespace tapline::tools
