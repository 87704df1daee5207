#pragma once
// DPDK ports as frame sources: physical NICs in poll mode, and DPDK's virtual devices (net_pcap, net_memif,
// ...). The one header of this folder that others include; it needs nothing of DPDK.
//
// A process starts one DpdkRuntime (DPDK's EAL), then opens ports: one FrameSource a worker, each the only
// reader of one receive queue. No transmit queue is ever set up: the sensor cannot send. The sources of a
// port share it; the last one to go closes the device. start(), open_dpdk_port() and the destructors of
// sources are called by one thread at a time; each source then belongs to its worker's thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capture/frame_source.hpp"

namespace tapline {

enum class DpdkPages : std::uint8_t {
  kAuto,    // huge pages where enough of them are free
  kHuge,    // or an error
  kNormal,  // no privileges, no set-up, up to half of the speed; few NICs work so
};

struct DpdkMemoryConfig {
  std::uint64_t bytes = 256ULL << 20;  // for the buffers of all ports of the process
  DpdkPages pages = DpdkPages::kAuto;

  friend bool operator==(const DpdkMemoryConfig&, const DpdkMemoryConfig&) = default;
};

enum class DpdkIdle : std::uint8_t {
  kAdaptive,  // wait() spins first, sleeps 50 us at a time after 1,000 empty polls in a row
  kBusy,      // wait() never sleeps: one core at 100 %
};

struct DpdkPortConfig {
  std::string device;      // "0000:3b:00.0", or a virtual device with its arguments: "net_pcap0,rx_pcap=F"
  std::uint16_t port = 0;  // Frame::port
  unsigned workers = 1;    // receive queues; more than one needs a device that distributes by a hash
  std::uint16_t rx_descriptors = 2'048;  // a queue; the device's own limits apply
  std::uint32_t mbufs = 0;  // buffers of 2 KiB of the port; 0: what its queues can hold, up to 2^n - 1
  // 1,522 to 65,535; longer ones are cut. 9,216 + Ethernet and two tags.
  std::uint32_t frame_bytes_max = 9'238;
  DpdkIdle idle = DpdkIdle::kAdaptive;
};

class DpdkRuntime {
 public:
  /// Starts the EAL. `devices` are all that the process will open: no PCI device but these is touched. Where
  /// a runtime with the same arguments lives, that one is returned. Errors: kLimit (memory, with the remedy),
  /// kBusy (a runtime with other arguments lives), kUnsupported (one has ended: the EAL starts once a
  /// process), kIo.
  static Result<std::shared_ptr<DpdkRuntime>> start(const DpdkMemoryConfig& memory,
                                                    std::span<const std::string> devices);
  /// Ends the EAL. Sources keep their runtime alive.
  ~DpdkRuntime();
  DpdkRuntime(const DpdkRuntime&) = delete;
  DpdkRuntime& operator=(const DpdkRuntime&) = delete;

  bool uses_hugepages() const { return uses_hugepages_; }

 private:
  explicit DpdkRuntime(bool uses_hugepages) : uses_hugepages_(uses_hugepages) {}
  bool uses_hugepages_;
};

/// One source a worker. Errors name the device, DPDK's reason and what to do: kInvalid (the configuration),
/// kNotFound, kBusy (already open), kUnsupported (cannot distribute to several workers), kLimit (memory),
/// kIo.
Result<std::vector<std::unique_ptr<FrameSource>>> open_dpdk_port(std::shared_ptr<DpdkRuntime> runtime,
                                                                 const DpdkPortConfig& config);

}  // namespace tapline
