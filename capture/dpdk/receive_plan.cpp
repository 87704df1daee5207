#include "capture/dpdk/receive_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace tapline {
namespace {

constexpr std::uint64_t kTransportTypes = RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
constexpr std::uint8_t kHashKeyBytesDefault = 40;

Error invalid(const DpdkPortConfig& config, const std::string& what) {
  return {ErrorCode::kInvalid, fmt::format("DPDK device {}: {}", config.device, what)};
}

Status check_config(const DpdkPortConfig& config) {
  if (config.device.empty()) return Error{ErrorCode::kInvalid, "DPDK: a device needs a name"};
  if (config.workers < 1 || config.workers > kWorkersMax)
    return invalid(config, fmt::format("{} workers; 1 to {} can be", config.workers, kWorkersMax));
  if (config.rx_descriptors == 0) return invalid(config, "needs at least one receive descriptor");
  if (config.frame_bytes_max < kFrameBytesMaxLeast || config.frame_bytes_max > kFrameBytesMaxMost) {
    return invalid(config, fmt::format("frames of up to {} bytes; the limit can be {} to {}",
                                       config.frame_bytes_max, kFrameBytesMaxLeast, kFrameBytesMaxMost));
  }
  return {};
}

Status plan_queues(ReceivePlan& plan, const DpdkPortConfig& config, const rte_eth_dev_info& info) {
  plan.queues = static_cast<std::uint16_t>(config.workers);
  if (config.workers == 1) return {};
  // Addresses alone, where the device can hash all of IPv4 and IPv6 by them: then fragments, which have no
  // ports, come to the queue of their flow. Devices that hash by kind of packet (Intel's 700 series) need the
  // kinds with ports, too, or TCP and UDP would all come to queue 0.
  const std::uint64_t offered = info.flow_type_rss_offloads;
  plan.hashes_ports = (offered & RTE_ETH_RSS_IPV4) == 0;
  plan.hash_types = offered & (plan.hashes_ports ? RTE_ETH_RSS_IP | kTransportTypes : RTE_ETH_RSS_IP);
  if (info.max_rx_queues < config.workers || plan.hash_types == 0) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("DPDK device {} cannot distribute frames to {} workers (driver {}: {} receive queues, {} "
                    "hash); use --workers 1",
                    config.device, config.workers, info.driver_name, info.max_rx_queues,
                    plan.hash_types == 0 ? "no" : "with")};
  }
  plan.hash_key_bytes = info.hash_key_size == 0 ? kHashKeyBytesDefault : info.hash_key_size;
  if (plan.hash_key_bytes > kHashKeyBytesMax) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("DPDK device {}: wants a hash key of {} bytes; use --workers 1", config.device,
                             plan.hash_key_bytes)};
  }
  return {};
}

/// What ethdev allows: frames of mtu + overhead bytes up to max_rx_pktlen, where the overhead is what the
/// device says by the two maxima, else Ethernet's header and check sequence.
std::uint16_t plan_mtu(const DpdkPortConfig& config, const rte_eth_dev_info& info) {
  const bool says_overhead = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu;
  const std::uint32_t overhead_bytes = says_overhead ? info.max_rx_pktlen - info.max_mtu : 14 + 4;
  std::uint32_t mtu_bytes =
      std::min<std::uint32_t>(config.frame_bytes_max - kLinkOverheadBytes, info.max_mtu);
  if (info.max_rx_pktlen > overhead_bytes) {
    mtu_bytes = std::min(mtu_bytes, info.max_rx_pktlen - overhead_bytes);
  }
  return static_cast<std::uint16_t>(std::max<std::uint32_t>(mtu_bytes, info.min_mtu));
}

}  // namespace

const std::array<std::uint8_t, kHashKeyBytesMax>& symmetric_hash_key() {
  static const std::array<std::uint8_t, kHashKeyBytesMax> key = [] {
    std::array<std::uint8_t, kHashKeyBytesMax> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = i % 2 == 0 ? 0x6d : 0x5a;
    return bytes;
  }();
  return key;
}

Result<ReceivePlan> plan_receive(const DpdkPortConfig& config, const rte_eth_dev_info& info, bool physical) {
  TAPLINE_TRY(check_config(config));
  ReceivePlan plan;
  TAPLINE_TRY(plan_queues(plan, config, info));
  plan.mtu_bytes = plan_mtu(config, info);
  plan.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP;

  // Long frames come as chains of buffers; a NIC that cannot chain needs room for the longest. Virtual
  // devices chain without offering it.
  std::uint32_t data_bytes = RTE_MBUF_DEFAULT_DATAROOM;
  const std::uint32_t frame_bytes = plan.mtu_bytes + kLinkOverheadBytes;
  if (frame_bytes > data_bytes) {
    if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0) {
      plan.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    } else if (physical) {
      data_bytes = frame_bytes + 4;  // some devices write the check sequence, too
    }
  }
  data_bytes = std::max(data_bytes, info.min_rx_bufsize == UINT32_MAX ? 0 : info.min_rx_bufsize);
  plan.room_bytes =
      static_cast<std::uint16_t>(std::min<std::uint32_t>(data_bytes + RTE_PKTMBUF_HEADROOM, UINT16_MAX));
  // What a queue can hold at once: its descriptors, a burst with us, a full cache. 2^n - 1 is best for the
  // pool.
  const std::uint32_t held =
      plan.queues * (config.rx_descriptors + kBurstFramesMax + kPoolCacheMbufs * 3 / 2);
  plan.mbufs = config.mbufs != 0 ? config.mbufs : std::bit_ceil(held + 1) - 1;
  plan.cache_mbufs = std::min(kPoolCacheMbufs, plan.mbufs / 2);  // DPDK: at most two thirds of the pool
  return plan;
}

}  // namespace tapline
