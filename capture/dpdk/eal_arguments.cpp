#include "capture/dpdk/eal_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "capture/base/file.hpp"

namespace tapline {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

bool is_hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

/// The decimal number at the front of `text`; 0 where there is none.
std::uint64_t leading_number(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

DeviceName split_device(std::string_view device) {
  const std::size_t comma = std::min(device.find(','), device.size());
  return {std::string(device.substr(0, comma)),
          std::string(device.substr(std::min(comma + 1, device.size())))};
}

bool is_pci_device(std::string_view device) {
  std::string_view name = device.substr(0, device.find(','));
  if (std::count(name.begin(), name.end(), ':') == 2) {
    if (!is_hex(name.substr(0, name.find(':')))) return false;
    name.remove_prefix(name.find(':') + 1);
  }
  return name.size() == 7 && is_hex(name.substr(0, 2)) && name[2] == ':' && is_hex(name.substr(3, 2)) &&
         name[5] == '.' && name[6] >= '0' && name[6] <= '7';
}

std::uint64_t free_hugepage_bytes(const std::string& folder) {
  constexpr std::string_view kPrefix = "hugepages-";
  std::uint64_t bytes = 0;
  std::error_code failure;
  for (std::filesystem::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure)) {
    const std::string name = at->path().filename().string();  // hugepages-2048kB
    if (name.compare(0, kPrefix.size(), kPrefix) != 0) continue;
    const Result<std::vector<std::uint8_t>> count = read_file((at->path() / "free_hugepages").string());
    if (!count) continue;
    bytes += leading_number(std::string_view(name).substr(kPrefix.size())) * 1024 *
             leading_number({reinterpret_cast<const char*>(count->data()), count->size()});
  }
  return bytes;
}

std::vector<std::string> eal_arguments(const EalPlan& plan) {
  // One lcore, the calling thread: workers are threads of ours. Telemetry would listen on a socket.
  std::vector<std::string> arguments{"tapline", fmt::format("--lcores=0@{}", plan.cpu),
                                     fmt::format("--file-prefix=tapline-{}", plan.process_id),
                                     "--no-telemetry", "--log-level=error"};
  if (plan.hugepages) {
    arguments.emplace_back("--in-memory");  // no mount needed, and nothing stays behind after a kill
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf", "-m",
                                       fmt::format("{}", (plan.memory_bytes + kMiB - 1) / kMiB)});
  }
  if (plan.pci_devices.empty()) {
    arguments.emplace_back("--no-pci");
  } else {
    for (const std::string& device : plan.pci_devices) arguments.insert(arguments.end(), {"-a", device});
  }
  return arguments;
}

}  // namespace tapline
