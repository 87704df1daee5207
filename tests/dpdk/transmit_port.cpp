#include "tests/dpdk/transmit_port.hpp"

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "capture/dpdk/eal_arguments.hpp"

namespace tapline::test {
namespace {

constexpr unsigned kMbufs = 8'191;
constexpr std::uint16_t kDescriptors = 1'024;

Error failure(const char* action, const std::string& device, int code) {
  return {ErrorCode::kIo, fmt::format("cannot {} {}: {}", action, device, std::strerror(-code))};
}

}  // namespace

Result<std::unique_ptr<TransmitPort>> TransmitPort::open(const std::string& device) {
  std::unique_ptr<TransmitPort> port(new TransmitPort());
  TAPLINE_TRY(port->set_up(device));
  return port;
}

Status TransmitPort::set_up(const std::string& device) {
  const DeviceName name = split_device(device);
  int code = ::rte_eal_hotplug_add("vdev", name.name.c_str(), name.arguments.c_str());
  if (code != 0) return failure("add", device, code);
  code = ::rte_eth_dev_get_port_by_name(name.name.c_str(), &id_);
  if (code != 0) return failure("find", device, code);
  attached_ = true;
  pool_ = ::rte_pktmbuf_pool_create(fmt::format("transmit-{}", id_).c_str(), kMbufs, 256, 0,
                                    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool_ == nullptr) return failure("make buffers for", device, -ENOMEM);
  const rte_eth_conf settings{};
  code = ::rte_eth_dev_configure(id_, 0, 1, &settings);
  if (code != 0) return failure("configure", device, code);
  code = ::rte_eth_tx_queue_setup(id_, 0, kDescriptors, 0, nullptr);
  if (code != 0) return failure("set up the queue of", device, code);
  code = ::rte_eth_dev_start(id_);
  if (code != 0) return failure("start", device, code);
  return {};
}

TransmitPort::~TransmitPort() {
  if (attached_) {
    rte_eth_dev_info info{};
    const bool known = ::rte_eth_dev_info_get(id_, &info) == 0;
    ::rte_eth_dev_stop(id_);
    ::rte_eth_dev_close(id_);
    if (known) ::rte_dev_remove(info.device);
  }
  ::rte_mempool_free(pool_);
}

bool TransmitPort::has_link() const {
  rte_eth_link link{};
  return ::rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

bool TransmitPort::wait_for_link() const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!has_link()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bool TransmitPort::allocate(std::span<rte_mbuf*> mbufs) {
  return rte_pktmbuf_alloc_bulk(pool_, mbufs.data(), static_cast<unsigned>(mbufs.size())) == 0;
}

std::uint32_t TransmitPort::send(std::span<rte_mbuf*> mbufs) {
  return rte_eth_tx_burst(id_, 0, mbufs.data(), static_cast<std::uint16_t>(mbufs.size()));
}

}  // namespace tapline::test
