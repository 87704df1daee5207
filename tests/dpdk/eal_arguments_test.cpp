#include "capture/dpdk/eal_arguments.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/disk/disk.hpp"
#include "tests/dpdk/dpdk_session.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

bool has(const std::vector<std::string>& arguments, const std::string& wanted) {
  return std::find(arguments.begin(), arguments.end(), wanted) != arguments.end();
}

std::string after(const std::vector<std::string>& arguments, const std::string& option) {
  const auto at = std::find(arguments.begin(), arguments.end(), option);
  return at == arguments.end() || at + 1 == arguments.end() ? "" : *(at + 1);
}

}  // namespace

TEST_CASE("no PCI device is touched but the named ones") {
  const std::vector<std::string> none = eal_arguments({.memory_bytes = 1 << 20});
  CHECK(has(none, "--no-pci"));
  CHECK_FALSE(has(none, "-a"));
  const std::vector<std::string> one = eal_arguments({.pci_devices = {"0000:3b:00.0"}});
  CHECK_FALSE(has(one, "--no-pci"));
  CHECK(after(one, "-a") == "0000:3b:00.0");
}

TEST_CASE("memory is from huge pages or from normal ones") {
  const std::vector<std::string> huge = eal_arguments({.memory_bytes = 64 << 20, .hugepages = true});
  CHECK(has(huge, "--in-memory"));
  CHECK_FALSE(has(huge, "--no-huge"));
  const std::vector<std::string> normal = eal_arguments({.memory_bytes = (64 << 20) + 1});
  CHECK_FALSE(has(normal, "--in-memory"));
  CHECK(has(normal, "--no-huge"));
  CHECK(has(normal, "--no-shconf"));
  CHECK(after(normal, "-m") == "65");  // MiB
}

TEST_CASE("one lcore, no telemetry socket, file names of the process's own") {
  const std::vector<std::string> arguments = eal_arguments({.process_id = 4711, .cpu = 5});
  CHECK(has(arguments, "--lcores=0@5"));
  CHECK(has(arguments, "--no-telemetry"));
  CHECK(has(arguments, "--file-prefix=tapline-4711"));
}

TEST_CASE("PCI devices are told from virtual ones by their names") {
  for (const char* name : {"0000:3b:00.0", "3b:00.1", "0000:3b:00.0,representor=1", "10000:AF:1f.7"})
    CHECK(is_pci_device(name));
  for (const char* name : {"", "net_pcap0,rx_pcap=0000:3b:00.0", "0000:3b:00", "3b:00.8", "3b-00.0",
                           "g0:00.0", ":3b:00.0", "0000:3b:00.0.0"})
    CHECK_FALSE(is_pci_device(name));
}

TEST_CASE("a device is a name and arguments") {
  CHECK(split_device("net_null0").name == "net_null0");
  CHECK(split_device("net_null0").arguments.empty());
  CHECK(split_device("net_pcap0,rx_pcap=a,rx_pcap=b").name == "net_pcap0");
  CHECK(split_device("net_pcap0,rx_pcap=a,rx_pcap=b").arguments == "rx_pcap=a,rx_pcap=b");
  CHECK(split_device("net_null0,").arguments.empty());
}

TEST_CASE("free huge pages of all sizes count") {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& name, std::string_view pages) {
    std::filesystem::create_directory(folder / name);
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(pages.data()), pages.size());
    REQUIRE(publish_file(folder / name + "/free_hugepages", bytes).ok());
  };
  CHECK(free_hugepage_bytes(folder / "absent") == 0);
  CHECK(free_hugepage_bytes(folder.path()) == 0);
  put("hugepages-2048kB", "3\n");
  put("hugepages-1048576kB", "1\n");
  put("other", "9\n");
  CHECK(free_hugepage_bytes(folder.path()) == (1ULL << 30) + (6ULL << 20));
}
