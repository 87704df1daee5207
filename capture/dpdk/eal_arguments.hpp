#pragma once
// The command line of DPDK's EAL, and how a device is named. No DPDK in here: plain functions.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture/dpdk/dpdk_source.hpp"

namespace tapline {

/// "net_pcap0,rx_pcap=F" -> "net_pcap0" and "rx_pcap=F".
struct DeviceName {
  std::string name;
  std::string arguments;
};
DeviceName split_device(std::string_view device);
/// "0000:3b:00.0" or "3b:00.0", with or without arguments.
bool is_pci_device(std::string_view device);

/// Bytes of free huge pages of all sizes; 0 where the kernel has none. `folder` is /sys/kernel/mm/hugepages.
std::uint64_t free_hugepage_bytes(const std::string& folder);

struct EalPlan {
  std::uint64_t memory_bytes = 0;
  bool hugepages = false;
  std::vector<std::string> pci_devices{};
  int process_id = 0;  // makes the names of DPDK's files unique
  int cpu = 0;         // one that the process may run on
};
std::vector<std::string> eal_arguments(const EalPlan& plan);

}  // namespace tapline
