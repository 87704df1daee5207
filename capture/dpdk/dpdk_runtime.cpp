#include <fmt/format.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>

#include "capture/dpdk/dpdk_source.hpp"
#include "capture/dpdk/dpdk_words.hpp"
#include "capture/dpdk/eal_arguments.hpp"

namespace tapline {
namespace {

constexpr const char* kHugepageFolder = "/sys/kernel/mm/hugepages";

/// The one EAL of the process.
struct Eal {
  std::mutex mutex;
  bool started = false;
  std::weak_ptr<DpdkRuntime> runtime;
  DpdkMemoryConfig memory;
  std::vector<std::string> pci_devices;
  std::vector<std::string> arguments;  // DPDK keeps pointers to them
};

Eal& eal() {
  static Eal instance;
  return instance;
}

/// rte_eal_init() ties the calling thread to its lcore's CPU; this gives it back where it may run.
class AffinityKeeper {
 public:
  AffinityKeeper() : saved_(::pthread_getaffinity_np(::pthread_self(), sizeof cpus_, &cpus_) == 0) {}
  ~AffinityKeeper() {
    if (saved_) ::pthread_setaffinity_np(::pthread_self(), sizeof cpus_, &cpus_);
  }
  AffinityKeeper(const AffinityKeeper&) = delete;
  AffinityKeeper& operator=(const AffinityKeeper&) = delete;

  int first_cpu() const {
    for (int cpu = 0; saved_ && cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &cpus_)) return cpu;
    }
    return 0;
  }

 private:
  cpu_set_t cpus_{};
  bool saved_;
};

Error hugepages_missing(const DpdkMemoryConfig& memory, std::uint64_t free_bytes) {
  return {ErrorCode::kLimit,
          fmt::format("DPDK: {} MiB of huge pages are free, {} MiB are wanted; reserve them (sysctl -w "
                      "vm.nr_hugepages={}) or use normal pages",
                      free_bytes >> 20, memory.bytes >> 20, (memory.bytes + (2 << 20) - 1) >> 21)};
}

Status initialise(std::vector<std::string>& arguments, bool hugepages) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  catch_dpdk_log();
  DpdkWords words;
  if (::rte_eal_init(static_cast<int>(arguments.size()), pointers.data()) >= 0) return {};
  return Error{rte_errno == ENOMEM ? ErrorCode::kLimit : ErrorCode::kIo,
               fmt::format("DPDK does not start with {} pages: {} ({}); its arguments were: {}",
                           hugepages ? "huge" : "normal", ::rte_strerror(rte_errno), words.take(),
                           fmt::join(arguments, " "))};
}

}  // namespace

Result<std::shared_ptr<DpdkRuntime>> DpdkRuntime::start(const DpdkMemoryConfig& memory,
                                                        std::span<const std::string> devices) {
  const std::lock_guard lock(eal().mutex);
  std::vector<std::string> pci_devices;
  for (const std::string& device : devices) {
    if (is_pci_device(device)) pci_devices.push_back(device);
  }
  if (std::shared_ptr<DpdkRuntime> living = eal().runtime.lock()) {
    if (eal().memory == memory && eal().pci_devices == pci_devices) return living;
    return Error{ErrorCode::kBusy, "DPDK runs already, with other memory or other PCI devices"};
  }
  if (eal().started) {
    return Error{ErrorCode::kUnsupported, "DPDK was ended and cannot start again in the same process"};
  }
  const std::uint64_t free_bytes = free_hugepage_bytes(kHugepageFolder);
  const bool hugepages = memory.pages != DpdkPages::kNormal && free_bytes >= memory.bytes;
  if (memory.pages == DpdkPages::kHuge && !hugepages) return hugepages_missing(memory, free_bytes);

  const AffinityKeeper affinity;
  eal().arguments = eal_arguments({.memory_bytes = memory.bytes,
                                   .hugepages = hugepages,
                                   .pci_devices = pci_devices,
                                   .process_id = ::getpid(),
                                   .cpu = affinity.first_cpu()});
  TAPLINE_TRY(initialise(eal().arguments, hugepages));
  eal().started = true;
  std::shared_ptr<DpdkRuntime> runtime(new DpdkRuntime(hugepages));
  eal().runtime = runtime;
  eal().memory = memory;
  eal().pci_devices = std::move(pci_devices);
  return runtime;
}

DpdkRuntime::~DpdkRuntime() {
  const std::string folder = ::rte_eal_get_runtime_dir();  // of this process alone, by its file prefix
  ::rte_eal_cleanup();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);  // DPDK leaves it to the next process of that prefix
}

}  // namespace tapline
