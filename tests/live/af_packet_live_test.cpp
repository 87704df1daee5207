// The AF_PACKET source over a real veth pair, in a network namespace of its own.

#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "capture/af_packet/af_packet_source.hpp"
#include "capture/af_packet/fanout_program.hpp"
#include "tests/af_packet/classic_bpf.hpp"
#include "tests/af_packet/pair_frames.hpp"
#include "tests/capture/frame_source_contract.hpp"
#include "tests/live/live_sources.hpp"
#include "tests/live/private_network.hpp"

using namespace tapline;

namespace {

std::vector<FrameBytes> frames_of_all_kinds() {
  return {frame_of(60, 1),
          with_types({0x81, 0, 0x60, 5, 8, 0}, 64),
          with_types({0x88, 0xa8, 0, 9, 8, 0}, 64),
          with_types({0x88, 0xa8, 0, 9, 0x81, 0, 0, 5, 8, 0}, 200),
          with_types({0x81, 0, 0, 9, 0x81, 0, 0, 5, 8, 0}, 200),
          with_types({0x91, 0, 0, 9, 8, 0}, 200),
          with_types({8, 6}, 60),
          with_types({0, 46}, 60),
          frame_of(1514, 2),
          frame_of(9014, 3),
          with_types({0x81, 0, 0, 5, 8, 0}, 9018)};
}

}  // namespace

TEST_CASE("frames arrive as they were sent, by the contract of sources") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const RawSender sender("wire0");
  std::vector<ContractFrame> expected;
  for (const FrameBytes& frame : frames_of_all_kinds()) {
    expected.push_back({.bytes = frame, .wire_bytes = static_cast<std::uint32_t>(frame.size()), .port = 6});
  }
  const OpenSource open = [&] {
    AfPacketConfig config = config_for("tap0");
    config.port = 6;
    Sources sources = open_sources(config);
    for (const ContractFrame& frame : expected) REQUIRE(sender.send(frame.bytes));
    return std::move(sources.front());
  };
  FrameSourceContract(open, expected, {.finite = false, .keeps_times = false}).check();
}

TEST_CASE("frames that the interface sends are captured, too, and stamped with the present time") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const RawSender sender("tap0");
  const Sources sources = open_sources(config_for("tap0"));
  const TimeNs before_ns = wall_clock_ns();
  for (const FrameBytes& frame : frames_of_all_kinds()) REQUIRE(sender.send(frame));
  CHECK(poll_frames(*sources[0], frames_of_all_kinds().size()) == frames_of_all_kinds());
  REQUIRE(sender.send(frame_of(60, 1)));
  std::array<Frame, 1> frames;
  while (sources[0]->poll(frames)->frames == 0) sources[0]->wait(std::chrono::milliseconds(20));
  CHECK(frames[0].time_ns >= before_ns);
  CHECK(frames[0].time_ns <= wall_clock_ns());
  CHECK_THAT(all_notices(*sources[0]), Catch::Contains("tap0: time stamps of the kernel"));
}

TEST_CASE("workers share frames by address pair, in both directions, fragments included") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const RawSender received("wire0");
  const RawSender sent("tap0");
  const Sources sources = open_sources(config_for("tap0", 2));
  const std::vector<sock_filter> program = address_pair_program(kLinkEthernet);
  std::array<std::vector<FrameBytes>, 2> expected;
  const auto send = [&](const RawSender& from, const FrameBytes& frame) {
    REQUIRE(from.send(frame));
    expected.at(ClassicBpf(program, frame).run() % 2).push_back(frame);
  };
  for (const Wrapping& wrapping : all_wrappings()) {
    for (std::uint8_t host = 1; host <= 20; ++host) {
      send(received, ethernet_frame(wrapping.before_ipv4, ipv4_packet(host, 99)));
      send(received, ethernet_frame(wrapping.before_ipv4, ipv4_packet(host, 99, 4)));
      send(sent, ethernet_frame(wrapping.before_ipv4, ipv4_packet(99, host)));
      send(received, ethernet_frame(wrapping.before_ipv6, ipv6_packet(host, 99)));
      send(sent, ethernet_frame(wrapping.before_ipv6, ipv6_packet(99, host)));
    }
  }
  for (std::size_t worker = 0; worker < 2; ++worker) {
    INFO("worker " << worker << " of " << expected.at(worker).size() << " frames");
    CHECK(expected.at(worker).size() > 200);
    CHECK((poll_frames(*sources[worker], expected.at(worker).size()) == expected.at(worker)));
    sources[worker]->stop_receiving();
    CHECK(drain(*sources[worker]) == 0);
    check_balance(*sources[worker]);
  }
}

TEST_CASE("what the ring cannot hold is counted, to the frame") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const RawSender sender("tap0");  // sent frames: received ones could be lost before any socket sees them
  AfPacketConfig config = config_for("tap0");
  config.block_bytes = 128U << 10U;
  config.ring_bytes = 2ULL * config.block_bytes;
  const Sources sources = open_sources(config);
  constexpr std::uint64_t kFrames = 2000;
  for (std::uint64_t i = 0; i < kFrames; ++i) REQUIRE(sender.send(frame_of(1000, 1)));
  CHECK(sources[0]->read_device());
  const SourceCounters full = sources[0]->counters();
  CHECK(full.device_received_frames > 100);
  CHECK(full.device_dropped_frames > 1000);
  CHECK(full.device_received_frames + full.device_dropped_frames == kFrames);
  CHECK_THAT(all_notices(*sources[0]), Catch::Contains("larger ring"));
  sources[0]->stop_receiving();
  REQUIRE(sender.send(frame_of(1000, 1)));
  CHECK(drain(*sources[0]) == full.device_received_frames);
  check_balance(*sources[0]);
  CHECK(sources[0]->counters().device_dropped_frames == full.device_dropped_frames);
}

TEST_CASE("a stop amid traffic loses nothing that was received") {
  if (must_skip()) return;
  const PrivateNetwork network;
  std::atomic<bool> done = false;
  std::thread traffic([&done] {
    const RawSender sender("wire0");
    for (std::uint8_t host = 1; !done.load(std::memory_order_relaxed); ++host) {
      sender.send(ethernet_frame({8, 0}, ipv4_packet(host, 200)));
    }
  });
  for (int round = 0; round < 10; ++round) {
    const Sources sources = open_sources(config_for("tap0", 2));
    for (const auto& source : sources) CHECK_FALSE(poll_frames(*source, 50).empty());
    for (const auto& source : sources) source->stop_receiving();
    for (const auto& source : sources) {
      drain(*source);
      check_balance(*source);
      std::array<Frame, 8> frames;
      const Result<PollResult> again = source->poll(frames);
      CHECK((again.ok() && again->end && again->frames == 0));
    }
  }
  done.store(true, std::memory_order_relaxed);
  traffic.join();
}

TEST_CASE("frames longer than the interface carries are counted and told once") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const Sources sources = open_sources(config_for("tap0"));
  const RawSender sender("wire0");
  for (int i = 0; i < 3; ++i) REQUIRE(sender.send(frame_of(5000, 1)));
  // Received while the MTU was larger, which is how a frame put together by an offload looks.
  REQUIRE(PrivateNetwork::ip("link set tap0 mtu 1500"));
  sources[0]->read_device();
  CHECK(poll_frames(*sources[0], 3).size() == 3);
  CHECK(sources[0]->counters().super_frames == 3);
  CHECK_THAT(all_notices(*sources[0]), Catch::Contains("ethtool -K tap0 gro off"));
  sources[0]->read_device();
  CHECK(all_notices(*sources[0]).empty());
}

TEST_CASE("configurations that cannot work name the remedy") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const auto failure = [](const AfPacketConfig& config) {
    Result<Sources> sources = open_af_packet(config);
    REQUIRE_FALSE(sources.ok());
    return sources.error();
  };
  CHECK(failure(config_for("none0")).code == ErrorCode::kNotFound);
  CHECK_THAT(failure(config_for("none0")).context, Catch::Contains("no interface none0"));
  CHECK(failure(config_for("a name that is too long")).code == ErrorCode::kInvalid);
  CHECK(failure(config_for("tap0", 0)).code == ErrorCode::kInvalid);
  AfPacketConfig config = config_for("tap0");
  config.block_bytes = 100'000;
  CHECK_THAT(failure(config).context, Catch::Contains("block_bytes"));
  config = config_for("tap0");
  config.timestamps = TimestampSource::kHardware;
  CHECK_THAT(failure(config).context, Catch::Contains("kernel time stamps"));
  config = config_for("tap0");
  REQUIRE(seteuid(65534) == 0);
  Result<Sources> unprivileged = open_af_packet(config);
  REQUIRE(seteuid(0) == 0);
  REQUIRE_FALSE(unprivileged.ok());
  CHECK_THAT(unprivileged.error().context, Catch::Contains("tap0") && Catch::Contains("CAP_NET_RAW"));
  if (PrivateNetwork::ip("link add odd0 type nlmon")) {
    CHECK_THAT(failure(config_for("odd0")).context, Catch::Contains("ARPHRD 824"));
  }
}
