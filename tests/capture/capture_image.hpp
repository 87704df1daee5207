#pragma once
// Capture files made in memory, for tests of the readers: written from the format documents, not with our own
// code.

#include <cstdint>
#include <span>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "tests/capture/frame_source_contract.hpp"

namespace tapline {

struct PcapStyle {
  bool big_endian = false;
  std::uint32_t magic = 0xa1b2'c3d4;
  std::uint16_t version_major = 2;
  std::uint16_t version_minor = 4;
  std::uint32_t network = 1;
  bool lengths_exchanged = false;
};

/// Seconds and fraction as they stand in a record: tests of odd times write what no time of day gives.
struct RawTime {
  std::uint32_t seconds;
  std::uint32_t fraction;
};

ByteBuffer pcap_header(const PcapStyle& style);
void put_pcap_record(ByteBuffer& out, const PcapStyle& style, RawTime time, const ContractFrame& frame);
ByteBuffer pcap_image(std::span<const ContractFrame> frames, const PcapStyle& style);

/// Blocks of pcapng, one call each, in the byte order of the last section.
class PcapngImage {
 public:
  void section(bool big_endian, std::uint16_t minor = 0);
  /// `resolution` and `offset_s` are written as options unless they are the defaults.
  void interface(std::uint16_t link_type, std::uint32_t snap_bytes = 0, std::uint8_t resolution = 6,
                 std::int64_t offset_s = 0);
  void enhanced(std::uint32_t interface_id, std::uint64_t count, const ContractFrame& frame);
  void obsolete(std::uint16_t interface_id, std::uint64_t count, const ContractFrame& frame);
  void simple(const ContractFrame& frame);
  /// Any block: `body` is padded.
  void block(std::uint32_t type, Bytes body);

  void put16(ByteBuffer& out, std::uint16_t value) const;
  void put32(ByteBuffer& out, std::uint32_t value) const;

  ByteBuffer bytes;

 private:
  bool big_endian_ = false;
};

/// As `cat a.gz b.gz`: `members` gzip members.
ByteBuffer gzip(Bytes bytes, std::size_t members = 1);
/// `frames` zstd frames with checksums, a skippable frame before and after each where `skippable`.
ByteBuffer zstd(Bytes bytes, std::size_t frames = 1, bool skippable = false);

/// `count` frames of random bytes, up to `bytes_max` long, some empty, some cut, times with whole
/// microseconds that repeat and run backwards now and then.
std::vector<ContractFrame> random_frames(std::uint64_t seed, std::size_t count, std::size_t bytes_max);

}  // namespace tapline
