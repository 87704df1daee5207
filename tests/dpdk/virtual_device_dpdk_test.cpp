// DPDK's virtual devices behind FrameSource: the contract, chains, several queues, the end, what cannot be
// opened.

#include <fmt/format.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/dpdk/dpdk_session.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

constexpr ContractTraits kLiveOwnTimes{.finite = false, .keeps_times = false};

rte_eth_dev_info device_info(const std::string& name) {
  std::uint16_t id = 0;
  REQUIRE(rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0);
  rte_eth_dev_info info{};
  REQUIRE(rte_eth_dev_info_get(id, &info) == 0);
  return info;
}

/// Puts frames where net_ring0 receives from.
void push_to_ring(std::span<const ContractFrame> frames, rte_mempool* pool) {
  rte_ring* ring = rte_ring_lookup("ETH_RXTX0_net_ring0");
  REQUIRE(ring != nullptr);
  for (const ContractFrame& frame : frames) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    REQUIRE(mbuf != nullptr);
    std::memcpy(rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.bytes.size())), frame.bytes.data(),
                frame.bytes.size());
    REQUIRE(rte_ring_enqueue(ring, mbuf) == 0);
  }
}

}  // namespace

TEST_CASE("net_pcap keeps the contract, times to the microsecond", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::vector<ContractFrame> frames = whole_frames(1'500, 14, 1'514);
  const DpdkPortConfig config{.device = pcap_device(folder, frames)};
  FrameSourceContract([&] { return session->open(config); }, frames, {.finite = false}).check();
}

TEST_CASE("frames longer than a buffer come whole", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::vector<ContractFrame> frames = whole_frames(300, 1'900, 9'238);
  const DpdkPortConfig config{.device = pcap_device(folder, frames), .port = 3};
  std::vector<ContractFrame> of_port = frames;
  for (ContractFrame& frame : of_port) frame.port = 3;
  FrameSourceContract([&] { return session->open(config); }, of_port, {.finite = false}).check();
}

TEST_CASE("frames longer than the limit are cut and say how long they were", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  std::vector<ContractFrame> frames = whole_frames(100, 1'500, 5'000);
  const DpdkPortConfig config{.device = pcap_device(folder, frames), .frame_bytes_max = 1'522};
  for (ContractFrame& frame : frames) frame.bytes.resize(std::min<std::size_t>(frame.bytes.size(), 1'522));
  FrameSourceContract([&] { return session->open(config); }, frames, {.finite = false}).check();
}

TEST_CASE("net_ring keeps the contract", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const std::vector<ContractFrame> frames = whole_frames(500, 14, 1'514);
  rte_mempool* pool =
      rte_pktmbuf_pool_create("pushed", 2'047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  REQUIRE(pool != nullptr);
  const OpenSource open = [&] {
    std::unique_ptr<FrameSource> source = session->open({.device = "net_ring0"});
    push_to_ring(frames, pool);
    return source;
  };
  FrameSourceContract(open, frames, kLiveOwnTimes).check();
  CHECK(rte_mempool_in_use_count(pool) == 0);  // what was received was given back
  rte_mempool_free(pool);
}

TEST_CASE("net_null keeps the contract", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const std::vector<ContractFrame> frames(
      64 * 100, ContractFrame{.bytes = std::vector<std::uint8_t>(64), .wire_bytes = 64});
  FrameSourceContract([&] { return session->open({.device = "net_null0,size=64"}); }, frames, kLiveOwnTimes)
      .check();
}

TEST_CASE("no device gets a transmit queue", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::string devices[] = {pcap_device(folder, whole_frames(10, 60, 60)), "net_ring0", "net_null0",
                                 "net_memif0,role=server,socket-abstract=no,socket=" + folder / "memif.sock"};
  for (const std::string& device : devices) {
    const std::unique_ptr<FrameSource> source = session->open({.device = device});
    const rte_eth_dev_info info = device_info(device.substr(0, device.find(',')));
    INFO(device);
    CHECK(info.nb_tx_queues == 0);
    CHECK(info.nb_rx_queues == 1);
  }
}

TEST_CASE("after stop_receiving what was received comes, then the end", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::unique_ptr<FrameSource> source =
      session->open({.device = pcap_device(folder, whole_frames(1'000, 60, 1'514))});
  CHECK(poll_frames(*source, 128) == 128);
  CHECK(source->read_device());
  source->stop_receiving();
  CHECK(poll_to_end(*source) == 1'000 - 128);
  CHECK(source->read_device());
  CHECK(source->counters().polled_frames == 1'000);
  CHECK(source->counters().device_received_frames == 1'000);
  CHECK(source->counters().device_dropped_frames == 0);
}

TEST_CASE("a device that never runs dry ends all the same", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const std::unique_ptr<FrameSource> source = session->open({.device = "net_null0,size=64"});
  poll_frames(*source, 1);
  source->stop_receiving();
  CHECK(poll_to_end(*source) == 32'768);
  CHECK(source->counters().device_received_frames == source->counters().polled_frames);
}

TEST_CASE("frames lost for want of buffers are counted and told", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::unique_ptr<FrameSource> source = session->open(
      {.device = pcap_device(folder, whole_frames(64, 60, 60)), .rx_descriptors = 32, .mbufs = 63});
  std::array<Frame, kBurstFramesMax> frames;
  for (int i = 0; i < 200; ++i) REQUIRE(source->poll(frames).ok());
  CHECK(source->read_device());
  const SourceCounters& counters = source->counters();
  CHECK(counters.polled_frames > 0);
  CHECK(counters.device_dropped_frames > 0);
  CHECK(counters.polled_frames + counters.device_dropped_frames == 64);
  const std::optional<SourceNotice> notice = source->take_notice();
  REQUIRE(notice);
  CHECK_THAT(notice->text, Catch::Contains("rx_nombuf"));
  CHECK_FALSE(source->take_notice());
}

TEST_CASE("one source a worker where the device distributes, each on a thread of its own", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  constexpr unsigned kWorkers = 3;
  std::vector<std::unique_ptr<FrameSource>> sources =
      session->open_all({.device = "net_null0,size=64", .workers = kWorkers});
  std::array<bool, kWorkers> registered{};
  std::array<std::uint64_t, kWorkers> polled_frames{};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      FrameSource& source = *sources[worker];
      polled_frames[worker] = poll_frames(source, 64'000);
      registered[worker] = rte_lcore_id() != LCORE_ID_ANY;
      source.read_device();
      source.stop_receiving();
      polled_frames[worker] += poll_to_end(source);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    CHECK(registered[worker]);
    CHECK(sources[worker]->read_device());
    CHECK(sources[worker]->counters().polled_frames == polled_frames[worker]);
    CHECK(sources[worker]->counters().device_received_frames == polled_frames[worker]);
  }
  sources.clear();  // closes the device: it can be opened again
  poll_frames(*session->open({.device = "net_null0"}), 64);
}

TEST_CASE("what cannot be opened says why and what to do", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::string device = pcap_device(folder, whole_frames(10, 60, 60));
  const auto refuses = [&](const DpdkPortConfig& config, ErrorCode code, const std::string& part) {
    const Error error = session->error_of(config);
    INFO(error.context);
    CHECK(error.code == code);
    CHECK_THAT(error.context, Catch::Contains(part));
  };
  refuses({.device = device, .workers = 2}, ErrorCode::kUnsupported, "cannot distribute frames to 2 workers");
  refuses({.device = "net_nonsense0"}, ErrorCode::kInvalid, "no such DPDK device: net_nonsense0");
  refuses({.device = "net_pcap0,rx_pcap=/nowhere.pcap"}, ErrorCode::kIo, "/nowhere.pcap: No such file");
  refuses({.device = "0000:3b:00.0"}, ErrorCode::kNotFound, "vfio-pci");
  refuses({.device = ""}, ErrorCode::kInvalid, "name");
  refuses({.device = device, .frame_bytes_max = 100}, ErrorCode::kInvalid, "1522 to 65535");
  refuses({.device = device, .mbufs = 1'000'000}, ErrorCode::kLimit, "give DPDK more memory");
  for (int i = 0; i < 2; ++i) refuses({.device = "crypto_null0"}, ErrorCode::kNotFound, "no Ethernet device");
  // Nothing of the failed ones is left behind; a device that is open is open once.
  const std::unique_ptr<FrameSource> source = session->open({.device = device});
  CHECK(session->error_of({.device = device}).code == ErrorCode::kBusy);
  CHECK(poll_frames(*source, 10) == 10);
}

TEST_CASE("the runtime starts once a process", "[port]") {
  {
    const std::optional<DpdkSession> session = DpdkSession::start();
    if (!session) return;
    const std::optional<DpdkSession> again = DpdkSession::start();
    REQUIRE(again);
    CHECK(again->runtime() == session->runtime());
    const auto other = DpdkRuntime::start({.bytes = 1}, {});
    REQUIRE_FALSE(other.ok());
    CHECK(other.error().code == ErrorCode::kBusy);
  }
  const auto restarted = DpdkRuntime::start({}, {});
  REQUIRE_FALSE(restarted.ok());
  CHECK(restarted.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("a start that failed is not told as a runtime that has ended") {
  for (int i = 0; i < 2; ++i) {
    const auto runtime = DpdkRuntime::start({.bytes = 1ULL << 50, .pages = DpdkPages::kNormal}, {});
    REQUIRE_FALSE(runtime.ok());
    CHECK_THAT(runtime.error().context, Catch::Contains("DPDK does not start"));
  }
}

TEST_CASE("huge pages that are not there are asked for") {
  const auto runtime = DpdkRuntime::start({.bytes = 1ULL << 50, .pages = DpdkPages::kHuge}, {});
  REQUIRE_FALSE(runtime.ok());
  CHECK(runtime.error().code == ErrorCode::kLimit);
  CHECK_THAT(runtime.error().context, Catch::Contains("vm.nr_hugepages=536870912"));
}
