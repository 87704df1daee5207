// What a port is set up with, by what its device offers. Devices as their drivers describe themselves in
// DPDK 22.11.

#include "capture/dpdk/receive_plan.hpp"

#include <rte_thash.h>

#include <catch2/catch.hpp>

using namespace tapline;

namespace {

/// As ixgbe.
rte_eth_dev_info nic() {
  rte_eth_dev_info info{};
  info.driver_name = "net_test";
  info.min_mtu = 68;
  info.max_mtu = 15'854;
  info.max_rx_pktlen = 15'872;
  info.min_rx_bufsize = 1'024;
  info.max_rx_queues = 16;
  info.flow_type_rss_offloads = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
  info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
  info.hash_key_size = 40;
  return info;
}

ReceivePlan plan_of(const DpdkPortConfig& config, const rte_eth_dev_info& info, bool physical = true) {
  const Result<ReceivePlan> plan = plan_receive(config, info, physical);
  if (!plan) FAIL(plan.error().context);
  return *plan;
}

}  // namespace

TEST_CASE("one worker needs no hash") {
  rte_eth_dev_info info = nic();
  info.flow_type_rss_offloads = 0;
  const ReceivePlan plan = plan_of({.device = "d"}, info);
  CHECK(plan.queues == 1);
  CHECK(plan.hash_types == 0);
}

TEST_CASE("several workers: by addresses alone where the device can, else with ports") {
  const ReceivePlan addresses = plan_of({.device = "d", .workers = 4}, nic());
  CHECK(addresses.queues == 4);
  CHECK(addresses.hash_types == RTE_ETH_RSS_IP);
  CHECK_FALSE(addresses.hashes_ports);
  CHECK(addresses.hash_key_bytes == 40);

  rte_eth_dev_info by_kind = nic();  // as i40e
  by_kind.flow_type_rss_offloads = RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
                                   RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_L2_PAYLOAD;
  by_kind.hash_key_size = 52;
  const ReceivePlan ports = plan_of({.device = "d", .workers = 4}, by_kind);
  CHECK(ports.hash_types == (by_kind.flow_type_rss_offloads & ~std::uint64_t{RTE_ETH_RSS_L2_PAYLOAD}));
  CHECK(ports.hashes_ports);
  CHECK(ports.hash_key_bytes == 52);
}

TEST_CASE("a device that cannot distribute takes one worker") {
  rte_eth_dev_info no_hash = nic();
  no_hash.flow_type_rss_offloads = RTE_ETH_RSS_L2_PAYLOAD;
  rte_eth_dev_info one_queue = nic();
  one_queue.max_rx_queues = 1;
  rte_eth_dev_info long_key = nic();
  long_key.hash_key_size = 65;
  for (const rte_eth_dev_info& info : {no_hash, one_queue, long_key}) {
    const Result<ReceivePlan> plan = plan_receive({.device = "d", .workers = 2}, info, true);
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.error().code == ErrorCode::kUnsupported);
    CHECK_THAT(plan.error().context, Catch::Contains("use --workers 1"));
  }
}

TEST_CASE("the longest frame by the device and the configuration") {
  CHECK(plan_of({.device = "d"}, nic()).mtu_bytes == 9'216);
  CHECK(plan_of({.device = "d", .frame_bytes_max = 65'535}, nic()).mtu_bytes == 15'854);
  rte_eth_dev_info small = nic();
  small.max_mtu = 1'500;
  small.max_rx_pktlen = 1'518;
  CHECK(plan_of({.device = "d"}, small).mtu_bytes == 1'500);
  rte_eth_dev_info unlimited = nic();  // as net_memif
  unlimited.max_mtu = UINT16_MAX;
  unlimited.max_rx_pktlen = UINT32_MAX;
  CHECK(plan_of({.device = "d"}, unlimited).mtu_bytes == 9'216);
}

TEST_CASE("long frames: chains where the device makes them, else buffers that hold them") {
  CHECK((plan_of({.device = "d"}, nic()).offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0);
  CHECK(plan_of({.device = "d"}, nic()).room_bytes == 2'048 + RTE_PKTMBUF_HEADROOM);
  CHECK((plan_of({.device = "d", .frame_bytes_max = 1'522}, nic()).offloads & RTE_ETH_RX_OFFLOAD_SCATTER) ==
        0);
  rte_eth_dev_info no_chains = nic();
  no_chains.rx_offload_capa = 0;
  CHECK(plan_of({.device = "d"}, no_chains).room_bytes >= 9'238 + RTE_PKTMBUF_HEADROOM);
  CHECK(plan_of({.device = "d"}, no_chains, false).room_bytes == 2'048 + RTE_PKTMBUF_HEADROOM);
}

TEST_CASE("times of the device are asked for where it has them, nothing else that changes frames") {
  rte_eth_dev_info info = nic();
  info.rx_offload_capa = ~std::uint64_t{0};
  CHECK(plan_of({.device = "d"}, info).offloads ==
        (RTE_ETH_RX_OFFLOAD_TIMESTAMP | RTE_ETH_RX_OFFLOAD_SCATTER));
}

TEST_CASE("buffers: at least what queues, bursts and caches hold") {
  CHECK(plan_of({.device = "d"}, nic()).mbufs >= 2'048 + 64 + 384);
  CHECK(plan_of({.device = "d", .workers = 8}, nic()).mbufs >= 8 * (2'048 + 64 + 384));
  CHECK(plan_of({.device = "d", .mbufs = 777}, nic()).mbufs == 777);
  const ReceivePlan sixteen = plan_of({.device = "d", .workers = 16}, nic());
  constexpr std::uint64_t kPoolOverheadBytes = 64;  // of an mbuf: the pool's header
  CHECK(std::uint64_t{sixteen.mbufs} * (sixteen.room_bytes + sizeof(rte_mbuf) + kPoolOverheadBytes) <
        DpdkMemoryConfig().bytes);
}

TEST_CASE("both directions of a flow have one Toeplitz hash under the symmetric key") {
  const std::uint8_t* key = symmetric_hash_key().data();
  std::uint32_t words[] = {0x0a00'0001, 0xc000'0201, 0xc350'01bb};
  std::uint32_t reversed[] = {0xc000'0201, 0x0a00'0001, 0x01bb'c350};
  std::uint32_t other[] = {0x0a00'0002, 0xc000'0201, 0xc350'01bb};
  CHECK(rte_softrss(words, 3, key) == rte_softrss(reversed, 3, key));
  CHECK(rte_softrss(words, 2, key) == rte_softrss(reversed, 2, key));
  CHECK(rte_softrss(words, 3, key) != rte_softrss(other, 3, key));
}
