#pragma once
// How a port is set up for receiving, decided from what the device offers. Pure; only for files of this
// folder.

#include <rte_ethdev.h>

#include <array>
#include <cstdint>
#include <string>

#include "capture/base/result.hpp"
#include "capture/dpdk/dpdk_source.hpp"

namespace tapline {

/// Bytes that a frame has besides its MTU: the Ethernet header and two VLAN tags.
inline constexpr std::uint32_t kLinkOverheadBytes = 14 + 2 * 4;
inline constexpr std::uint32_t kFrameBytesMaxLeast = 1'500 + kLinkOverheadBytes;
inline constexpr std::uint32_t kFrameBytesMaxMost = 65'535;
/// Buffers that a thread may keep in its cache of the pool.
inline constexpr std::uint32_t kPoolCacheMbufs = 256;
inline constexpr unsigned kWorkersMax = 64;

struct ReceivePlan {
  std::uint16_t queues = 1;
  std::uint16_t mtu_bytes = 0;
  std::uint64_t offloads = 0;    // RTE_ETH_RX_OFFLOAD_*
  std::uint64_t hash_types = 0;  // RTE_ETH_RSS_*; 0 with one queue
  bool hashes_ports = false;     // fragments may then come to another queue than the rest of their flow
  std::uint8_t hash_key_bytes = 0;
  std::uint16_t room_bytes = 0;  // of an mbuf, with its headroom
  std::uint32_t mbufs = 0;
  std::uint32_t cache_mbufs = 0;  // of each thread
};

/// `physical`: a PCI device. Errors: kInvalid, kUnsupported.
Result<ReceivePlan> plan_receive(const DpdkPortConfig& config, const rte_eth_dev_info& info, bool physical);

/// 6d5a over and over: with it the Toeplitz hash of a flow's two directions is the same (Woo and Park,
/// "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012).
inline constexpr std::size_t kHashKeyBytesMax = 64;
const std::array<std::uint8_t, kHashKeyBytesMax>& symmetric_hash_key();

}  // namespace tapline
