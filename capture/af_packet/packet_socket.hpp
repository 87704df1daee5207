#pragma once
// PacketSocket: one AF_PACKET socket, bound to an interface, with its mapped ring. Opened in steps, so that
// no frame is seen twice or by the wrong worker: from open() to start() a filter drops every frame
// (uncounted); in between the sockets of all workers join their group. Used by one thread, except that
// start() may be called by the one that opens.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "capture/af_packet/af_packet_source.hpp"
#include "capture/af_packet/block_ring.hpp"
#include "capture/af_packet/interface.hpp"
#include "capture/base/file.hpp"

namespace tapline {

/// Since the last reading.
struct SocketStatistics {
  std::uint64_t received_frames = 0;  // put into the ring
  std::uint64_t dropped_frames = 0;   // the ring was full, or no room for a header
  std::uint64_t ring_full_count = 0;  // how often the ring became full
};

class PacketSocket {
 public:
  /// The configuration has been checked.
  static Result<std::unique_ptr<PacketSocket>> open(const AfPacketConfig& config);
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;
  ~PacketSocket();

  /// Frames get the network card's time stamps, where they have one.
  Status use_hardware_stamps();
  /// Makes a new fan-out group with the address pair program; its id.
  Result<std::uint16_t> create_group();
  Status join_group(std::uint16_t group);
  /// Frames are received from here on.
  Status start();
  /// No frame is received after this has returned: waits for those on their way. The ring stays.
  void stop();

  BlockRing& ring() { return ring_; }
  int descriptor() const { return file_.descriptor(); }
  /// What counts as a super-frame follows the interface's MTU. System calls.
  void refresh_mtu();
  SocketStatistics read_statistics();
  /// Sleeps until the kernel has given a block to us, at most so long.
  void wait(std::chrono::milliseconds timeout);

 private:
  struct Mapping {
    std::uint8_t* memory;
    std::size_t bytes;
  };
  static Status configure(const File& file, const AfPacketConfig& config, const InterfaceFacts& facts);
  static Result<Mapping> map_ring(const File& file, const AfPacketConfig& config);
  PacketSocket(File file, const AfPacketConfig& config, const InterfaceFacts& facts, Mapping mapping);
  Status bind_to_interface(const AfPacketConfig& config);

  File file_;  // its name is the interface's
  InterfaceFacts facts_;
  Mapping mapping_;
  BlockRing ring_;
};

}  // namespace tapline
