#include "capture/dpdk/dpdk_port.hpp"

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "capture/dpdk/dpdk_words.hpp"
#include "capture/dpdk/eal_arguments.hpp"

namespace tapline {

DpdkPort::DpdkPort(std::shared_ptr<DpdkRuntime> runtime, const DpdkPortConfig& config)
    : runtime_(std::move(runtime)), config_(config), physical_(is_pci_device(config.device)) {}

Result<std::shared_ptr<DpdkPort>> DpdkPort::open(std::shared_ptr<DpdkRuntime> runtime,
                                                 const DpdkPortConfig& config) {
  std::shared_ptr<DpdkPort> port(new DpdkPort(std::move(runtime), config));
  DpdkWords words;
  Status opened = port->attach();
  if (opened) opened = port->set_up();
  if (opened) return port;
  Error error = opened.error();
  if (const std::string said = words.take(); !said.empty()) error.context += fmt::format(" (DPDK: {})", said);
  return error;
}

DpdkPort::~DpdkPort() {
  if (attached_) {
    rte_eth_dev_info info{};
    const bool known = ::rte_eth_dev_info_get(id_, &info) == 0;
    if (started_) ::rte_eth_dev_stop(id_);
    ::rte_eth_dev_close(id_);
    if (known && !physical_) ::rte_dev_remove(info.device);
  }
  ::rte_mempool_free(pool_);
}

Status DpdkPort::attach() {
  const DeviceName device = split_device(config_.device);
  if (device.name.empty()) return Error{ErrorCode::kInvalid, "DPDK: a device needs a name"};
  if (!physical_) {
    if (::rte_eth_dev_get_port_by_name(device.name.c_str(), &id_) == 0) return failure("open", -EEXIST);
    const int code = ::rte_eal_hotplug_add("vdev", device.name.c_str(), device.arguments.c_str());
    if (code == -EFAULT) {  // no driver answers to the name
      return Error{ErrorCode::kInvalid,
                   fmt::format("no such DPDK device: {}; PCI devices are named like 0000:3b:00.0, "
                               "virtual ones like net_pcap0,rx_pcap=FILE",
                               config_.device)};
    }
    if (code != 0) return failure("open", code);
  }
  if (const int code = ::rte_eth_dev_get_port_by_name(device.name.c_str(), &id_); code != 0) {
    if (!physical_) ::rte_eal_hotplug_remove("vdev", device.name.c_str());
    return failure("find", code,
                   physical_ ? "; it must be bound to a driver that DPDK can use (vfio-pci; "
                               "dpdk-devbind.py --status) and named when the sensor starts"
                             : "; it is no Ethernet device");
  }
  attached_ = true;
  return {};
}

Status DpdkPort::set_up() {
  rte_eth_dev_info info{};
  if (const int code = ::rte_eth_dev_info_get(id_, &info); code != 0) return failure("ask", code);
  const Result<ReceivePlan> plan = plan_receive(config_, info, physical_);
  if (!plan) return plan.error();
  TAPLINE_TRY(configure(info, *plan));
  TAPLINE_TRY(set_up_queues(info, *plan));
  TAPLINE_TRY(start(*plan));
  TAPLINE_TRY(check_receives_only());
  TAPLINE_TRY(check_hash_key(*plan));
  find_clock(info);
  return {};
}

Status DpdkPort::configure(const rte_eth_dev_info& info, const ReceivePlan& plan) {
  rte_eth_conf settings{};
  settings.rxmode.mtu = plan.mtu_bytes;
  settings.rxmode.offloads = plan.offloads;
  std::array<std::uint8_t, kHashKeyBytesMax> key = symmetric_hash_key();
  if (plan.queues > 1) {
    settings.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    settings.rx_adv_conf.rss_conf = {
        .rss_key = key.data(), .rss_key_len = plan.hash_key_bytes, .rss_hf = plan.hash_types};
  }
  constexpr std::uint16_t kTransmitQueues = 0;
  if (const int code = ::rte_eth_dev_configure(id_, plan.queues, kTransmitQueues, &settings); code != 0)
    return failure("configure", code);
  if (plan.hashes_ports) {
    warn(fmt::format(
        "{}: its hash (driver {}) includes TCP and UDP ports: fragments may come to another worker than "
        "the rest of their flow",
        config_.device, info.driver_name));
  }
  return {};
}

Status DpdkPort::set_up_queues(const rte_eth_dev_info& info, const ReceivePlan& plan) {
  std::uint16_t descriptors = config_.rx_descriptors;
  if (const int code = ::rte_eth_dev_adjust_nb_rx_tx_desc(id_, &descriptors, nullptr); code != 0)
    return failure("set the receive descriptors of", code);
  const int socket = ::rte_eth_dev_socket_id(id_);
  pool_ = ::rte_pktmbuf_pool_create(fmt::format("tapline-{}", id_).c_str(), plan.mbufs, plan.cache_mbufs, 0,
                                    plan.room_bytes, socket);
  if (pool_ == nullptr) {
    return Error{
        ErrorCode::kLimit,
        fmt::format("DPDK device {}: no memory for {} buffers ({} MiB): {}; give DPDK more memory, or the "
                    "port fewer buffers or descriptors",
                    config_.device, plan.mbufs,
                    (std::uint64_t{plan.mbufs} * (plan.room_bytes + sizeof(rte_mbuf))) >> 20,
                    ::rte_strerror(rte_errno))};
  }
  rte_eth_rxconf settings = info.default_rxconf;
  settings.offloads = plan.offloads;
  settings.rx_drop_en =
      plan.queues > 1 ? 1 : 0;  // a full queue must not hold up the others (Intel's default does)
  for (std::uint16_t queue = 0; queue < plan.queues; ++queue) {
    const int code =
        ::rte_eth_rx_queue_setup(id_, queue, descriptors, static_cast<unsigned>(socket), &settings, pool_);
    if (code != 0) return failure("set up a receive queue of", code);
  }
  return {};
}

Status DpdkPort::start(const ReceivePlan& plan) {
  ::rte_eth_stats_reset(id_);  // where it is not supported, the counters are those of a device just opened
  if (const int code = ::rte_eth_dev_start(id_); code != 0) {
    return failure("start", code,
                   "; a device that reads a whole file at once needs as many buffers as frames");
  }
  started_ = true;
  queues_reading_ = plan.queues;
  const int code = ::rte_eth_promiscuous_enable(id_);
  if (code != 0 && code != -ENOTSUP) {
    warn(fmt::format("{}: cannot be set promiscuous ({}): only frames to its own address may be seen",
                     config_.device, ::rte_strerror(-code)));
  }
  stop_pause_frames();
  return {};
}

/// Some drivers (e1000, igb) default to flow control in both directions: when the worker is late, the card
/// would ask the sender to pause (IEEE 802.3, annex 31B).
void DpdkPort::stop_pause_frames() {
  rte_eth_fc_conf settings{};
  ::rte_eth_dev_flow_ctrl_get(id_, &settings);  // some drivers refuse settings that are all zero
  settings.mode = RTE_ETH_FC_NONE;
  const int code = ::rte_eth_dev_flow_ctrl_set(id_, &settings);
  if (code == 0 || code == -ENOTSUP) return;
  warn(
      fmt::format("{}: flow control cannot be switched off ({}): it may send pause frames when frames come "
                  "faster than they are stored",
                  config_.device, ::rte_strerror(-code)));
}

Status DpdkPort::check_receives_only() const {
  rte_eth_dev_info info{};
  if (const int code = ::rte_eth_dev_info_get(id_, &info); code != 0) return failure("ask", code);
  if (info.nb_tx_queues == 0) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("DPDK device {}: its driver set up {} transmit queues unasked", config_.device,
                           info.nb_tx_queues)};
}

Status DpdkPort::check_hash_key(const ReceivePlan& plan) {
  if (plan.queues == 1) return {};
  if (has_symmetric_key(plan)) return {};
  std::array<std::uint8_t, kHashKeyBytesMax> key = symmetric_hash_key();
  rte_eth_rss_conf settings{
      .rss_key = key.data(), .rss_key_len = plan.hash_key_bytes, .rss_hf = plan.hash_types};
  ::rte_eth_dev_rss_hash_update(id_, &settings);  // some drivers (net_null) take a key only so
  if (has_symmetric_key(plan)) return {};
  return Error{
      ErrorCode::kUnsupported,
      fmt::format("DPDK device {}: did not take the symmetric hash key: the two directions of a flow would "
                  "come to different workers; use --workers 1",
                  config_.device)};
}

bool DpdkPort::has_symmetric_key(const ReceivePlan& plan) const {
  std::array<std::uint8_t, UINT8_MAX> key{};
  rte_eth_rss_conf settings{.rss_key = key.data(), .rss_key_len = plan.hash_key_bytes, .rss_hf = 0};
  return ::rte_eth_dev_rss_hash_conf_get(id_, &settings) == 0 &&
         std::memcmp(key.data(), symmetric_hash_key().data(), plan.hash_key_bytes) == 0;
}

void DpdkPort::find_clock(const rte_eth_dev_info& info) {
  mbuf_format_.port = config_.port;
  mbuf_format_.frame_bytes_max = config_.frame_bytes_max;
  const int offset = ::rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, nullptr);
  const int bit = ::rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, nullptr);
  if (offset < 0 || bit < 0) return;
  mbuf_format_.timestamp_offset = offset;
  mbuf_format_.timestamp_flag = 1ULL << bit;
  mbuf_format_.clock =
      info.driver_name == std::string_view("net_pcap") ? DeviceClock::kMicroseconds : DeviceClock::kUnproven;
}

void DpdkPort::finish_queue() {
  const std::lock_guard lock(control_);
  if (--queues_reading_ > 0) return;
  started_ = false;
  ::rte_eth_dev_stop(id_);  // what it has received after the end was asked for is nobody's
}

bool DpdkPort::read_counters(DeviceCounters& counters) {
  const std::lock_guard lock(control_);
  rte_eth_stats now{};
  if (::rte_eth_stats_get(id_, &now) != 0) return false;
  counters.received.update(now.ipackets);
  counters.missed.update(now.imissed);
  counters.without_buffer.update(now.rx_nombuf);
  counters.with_error.update(now.ierrors);
  return true;
}

std::uint64_t DpdkPort::polled_by_other_queues() const {
  std::uint64_t frames = 0;
  for (unsigned queue = 1; queue < config_.workers; ++queue) {
    frames += polled_[queue].frames.load(std::memory_order_relaxed);
  }
  return frames;
}

std::optional<bool> DpdkPort::link_up() {
  const std::lock_guard lock(control_);
  rte_eth_link link{};
  if (::rte_eth_link_get_nowait(id_, &link) != 0) return std::nullopt;
  return link.link_status == RTE_ETH_LINK_UP;
}

void DpdkPort::warn(std::string text) {
  notices_.push_back({true, std::move(text)});
}

Error DpdkPort::failure(const char* action, int code, const char* remedy) const {
  ErrorCode kind = ErrorCode::kIo;
  if (code == -ENODEV || code == -ENOENT) kind = ErrorCode::kNotFound;
  if (code == -EEXIST || code == -EBUSY) kind = ErrorCode::kBusy;
  if (code == -ENOMEM) kind = ErrorCode::kLimit;
  if (code == -EINVAL) kind = ErrorCode::kInvalid;
  return {kind, fmt::format("cannot {} DPDK device {}: {}{}", action, config_.device, ::rte_strerror(-code),
                            remedy)};
}

}  // namespace tapline
