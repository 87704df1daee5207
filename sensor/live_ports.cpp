#include "sensor/live_ports.hpp"

#ifdef TAPLINE_WITH_DPDK
#include "capture/dpdk/dpdk_source.hpp"
#endif

namespace tapline::sensor {
namespace {

Status open_interfaces(const SensorOptions& options, std::vector<LivePort>& ports) {
  for (const std::string& interface : options.interfaces) {
    AfPacketConfig config;
    config.interface = interface;
    config.port = static_cast<std::uint16_t>(ports.size());
    config.workers = options.workers;
    config.ring_bytes = options.kernel_ring_bytes;
    config.promiscuous = options.promiscuous;
    config.timestamps = options.timestamps;
    auto queues = open_af_packet(config);
    if (!queues) return queues.error();
    ports.push_back({interface, std::move(*queues)});
  }
  return {};
}

#ifdef TAPLINE_WITH_DPDK
Status open_dpdk_ports(const SensorOptions& options, std::vector<LivePort>& ports) {
  if (options.dpdk_ports.empty()) return {};
  DpdkMemoryConfig memory;
  memory.bytes = options.dpdk_memory_bytes;
  const auto runtime = DpdkRuntime::start(memory, options.dpdk_ports);
  if (!runtime) return runtime.error();
  for (const std::string& device : options.dpdk_ports) {
    DpdkPortConfig config;
    config.device = device;
    config.port = static_cast<std::uint16_t>(ports.size());
    config.workers = options.workers;
    auto queues = open_dpdk_port(*runtime, config);
    if (!queues) return queues.error();
    ports.push_back({device, std::move(*queues)});
  }
  return {};
}
#else
Status open_dpdk_ports(const SensorOptions& options, std::vector<LivePort>&) {
  if (options.dpdk_ports.empty()) return {};
  return Error{ErrorCode::kUnsupported,
               "dpdk-port: this build has no DPDK; build with -D TAPLINE_DPDK=ON, or use --interface"};
}
#endif

}  // namespace

Result<std::vector<LivePort>> open_ports(const SensorOptions& options) {
  std::vector<LivePort> ports;
  TAPLINE_TRY(open_interfaces(options, ports));
  TAPLINE_TRY(open_dpdk_ports(options, ports));
  return ports;
}

}  // namespace tapline::sensor
