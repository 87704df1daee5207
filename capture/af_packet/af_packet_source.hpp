#pragma once
// AF_PACKET: frames of a Linux network interface, received into TPACKET_V3 rings that the kernel fills and we
// read in place. Each worker has a source of its own, with its own socket and ring; the kernel distributes
// frames to them by address pair (fanout_program.hpp), so both directions and all fragments of a conversation
// meet at one worker.
//
// Each source belongs to one thread; sources may live in different threads. Frames are valid until the next
// poll(). read_device() has to be called now and then (a few times a second at most): it is where an
// interface that was removed is opened again, and where notices come from.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "capture/frame_source.hpp"

namespace tapline {

enum class TimestampSource : std::uint8_t {
  kAuto,      // the network card's where its clock agrees with ours within 1 ms, else the kernel's
  kKernel,    // CLOCK_REALTIME when the kernel saw the frame
  kHardware,  // the network card's, whatever its clock says; an error where it cannot
};

struct AfPacketConfig {
  std::string interface;
  std::uint16_t port = 0;                   // becomes Frame::port
  unsigned workers = 1;                     // 1..kAfPacketWorkersMax
  std::uint64_t ring_bytes = 64ULL << 20U;  // per worker, kernel memory; at least two blocks
  // A power of two, 128 KiB..16 MiB. A frame has to fit: offloads make frames of 64 KiB and more.
  std::uint32_t block_bytes = 1U << 20U;
  // 1..1000 ms. How long the kernel may keep a block that is not full: the greatest delay of a frame.
  std::chrono::milliseconds block_timeout{20};
  bool promiscuous = true;
  TimestampSource timestamps = TimestampSource::kAuto;
};

inline constexpr unsigned kAfPacketWorkersMax = 64;

/// One source a worker, receiving. Errors name the interface and the remedy: kInvalid (the configuration),
/// kNotFound (no such interface), kUnsupported (a kind of interface that we cannot read), kIo (privileges,
/// memory).
Result<std::vector<std::unique_ptr<FrameSource>>> open_af_packet(const AfPacketConfig& config);

}  // namespace tapline
