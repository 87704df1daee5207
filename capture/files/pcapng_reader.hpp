#pragma once
// PcapngReader: pcapng (draft-ietf-opsawg-pcapng): any number of sections of either byte order, each with its
// own interfaces; enhanced, simple and obsolete packet blocks. Other blocks are skipped by their length.
// Frame::port is the interface's number within its section. A simple packet block has no time: 0. Limits:
// kRecordBytesMax a block, kPcapngInterfacesMax interfaces a section.

#include <span>
#include <string>
#include <vector>

#include "capture/files/capture_reader.hpp"
#include "capture/files/pcapng_time.hpp"

namespace tapline {

/// Far above what any machine has; bounds the memory that a hostile file can claim.
inline constexpr std::size_t kPcapngInterfacesMax = 65'536;

class PcapngReader final : public CaptureReader {
 public:
  explicit PcapngReader(InputWindow& window) : window_(window) {}
  Result<PollResult> read_burst(std::span<Frame> frames) override;

 private:
  struct Interface {
    PcapngClock clock;
    std::uint32_t snap_bytes = 0;  // 0: no limit
    std::uint16_t link_type = 0;
  };
  /// How far the block at the window's front reaches.
  struct Extent {
    enum class State : std::uint8_t { kWhole, kShort, kDamage } state;
    std::size_t bytes;  // of the whole block with its padding, or how many are needed to tell
  };
  enum class Found : std::uint8_t { kFrame, kNothing, kDamage };

  Extent measure(Bytes front);

  // `block` is all of a block, from its type to its trailing length. kDamage leaves the reason in damage_.
  Found read_block(Bytes block, Frame& frame);
  Found read_section_header(Bytes block);
  Found read_interface(Bytes block);
  Found read_options(Bytes options, std::uint8_t& resolution, std::int64_t& offset_s);
  Found read_packet(Bytes block, std::uint32_t interface_id, Frame& frame);
  Found read_simple_packet(Bytes block, Frame& frame);
  Found fill(Bytes block, std::size_t data_at, std::uint32_t captured_bytes, Frame& frame);
  void set_damage(const std::string& what, ErrorCode code = ErrorCode::kCorrupt);

  std::uint16_t load16(const std::uint8_t* at) const {
    return swapped_ ? load_be16(at) : load_le<std::uint16_t>(at);
  }
  std::uint32_t load32(const std::uint8_t* at) const {
    return swapped_ ? load_be32(at) : load_le<std::uint32_t>(at);
  }

  InputWindow& window_;
  bool swapped_ = false;  // of the current section, against this host
  std::vector<Interface> interfaces_;
  Error damage_;
};

}  // namespace tapline
