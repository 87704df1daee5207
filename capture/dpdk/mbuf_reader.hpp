#pragma once
// MbufReader: frames from the mbufs of a burst. Nearly all are views of their mbuf. Two rare kinds are not:
// chains (frames longer than a buffer) are copied into a scratch area, and a VLAN tag that the driver took
// off, unasked, is put back.

#include <rte_mbuf.h>

#include <cstdint>
#include <memory>
#include <span>

#include "capture/packet/frame.hpp"

namespace tapline {

/// What the times are that a driver writes into mbufs. DPDK leaves unit and origin to the driver.
enum class DeviceClock : std::uint8_t {
  kNone,
  kMicroseconds,  // net_pcap: times from the file, since 1970; taken as they are
  kUnproven,      // taken as nanoseconds since 1970 where they agree with the system's clock
};

/// A NIC's clock that runs in UTC and is synchronised is far closer; one that counts ticks since its start,
/// or runs in TAI (37 s off), is farther.
inline constexpr TimeNs kDeviceClockOffsetMaxNs = 10 * kNsPerSecond;

struct MbufFormat {
  DeviceClock clock = DeviceClock::kNone;
  int timestamp_offset = 0;          // in the mbuf
  std::uint64_t timestamp_flag = 0;  // set in ol_flags where the mbuf has a time
  std::uint32_t frame_bytes_max = 0;
  std::uint16_t port = 0;
};

struct MbufCounters {
  std::uint64_t frames_chained = 0;
  std::uint64_t frames_retagged = 0;
  std::uint64_t frames_cut = 0;
  std::uint64_t device_times_refused = 0;
};

class MbufReader {
 public:
  explicit MbufReader(const MbufFormat& format);

  /// Fills the front of `frames`, one for each mbuf, at most kBurstFramesMax; `clock_ns` is the time of those
  /// without one of their own. Frames stay valid as long as their mbufs, and until the next read().
  void read(std::span<rte_mbuf* const> mbufs, TimeNs clock_ns, std::span<Frame> frames);
  const MbufCounters& counters() const { return counters_; }

 private:
  TimeNs time_of(const rte_mbuf& mbuf, TimeNs clock_ns);
  void read_odd(rte_mbuf& mbuf, std::uint8_t* scratch, Frame& frame);

  MbufFormat format_;
  std::unique_ptr<std::uint8_t[]> scratch_;  // kBurstFramesMax times frame_bytes_max
  MbufCounters counters_;
};

}  // namespace tapline
