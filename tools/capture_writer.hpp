#pragma once
// CaptureWriter: frames -> a pcap or pcapng file, with nanoseconds. Written in large pieces; the file is
// valid after every flush(), so that an interrupted extract leaves whole records. Large runs are written to
// pcap from where they stand: nobody copies them but the kernel.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/base/file.hpp"
#include "capture/packet/frame.hpp"
#include "storage/query/frame_run.hpp"

namespace tapline::tools {

enum class CaptureFormat : std::uint8_t { kPcap, kPcapng };

class CaptureWriter {
 public:
  /// `path` "-" is standard output.
  static Result<CaptureWriter> open(const std::string& path, CaptureFormat format);

  /// kInvalid for a second link type in a pcap file: the remedy is pcapng.
  Status write(const Frame& frame);
  /// The same of many.
  Status write(std::span<const query::FrameRun> runs);
  Status flush();
  /// A pcap or pcapng header even without frames (Ethernet), then flush.
  Status finish();

  std::uint64_t frames() const { return frames_; }
  std::uint64_t file_bytes() const { return file_bytes_ + buffer_.size(); }
  /// Frames whose time pcap cannot hold (before 1970 or after 2106): they are written modulo 2^32 seconds.
  std::uint64_t frames_out_of_time() const { return frames_out_of_time_; }

 private:
  CaptureWriter(File file, CaptureFormat format) : file_(std::move(file)), format_(format) {}
  Status begin_pcap(std::uint16_t link_type);
  void begin_pcapng();
  std::uint32_t interface_of(const Frame& frame);
  void count(const Frame& frame);
  void put_pcap(const Frame& frame);
  Status write_pieces(std::uint64_t bytes);
  void put_pcapng(const Frame& frame);

  File file_;
  CaptureFormat format_;
  ByteBuffer buffer_;
  std::vector<Bytes>
      pieces_;  // records of the runs that are written, neighbours as one; the first is buffer_
  bool begun_ = false;
  std::uint16_t link_type_ = kLinkEthernet;
  std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint32_t>
      interfaces_;  // (link type, port) -> pcapng number
  std::uint64_t frames_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t frames_out_of_time_ = 0;
};

}  // namespace tapline::tools
