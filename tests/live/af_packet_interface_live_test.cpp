// The AF_PACKET source on interfaces that go, come back, or are of another kind.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "capture/af_packet/fanout_program.hpp"
#include "tests/af_packet/classic_bpf.hpp"
#include "tests/af_packet/pair_frames.hpp"
#include "tests/live/live_sources.hpp"
#include "tests/live/private_network.hpp"

using namespace tapline;

TEST_CASE("an interface goes down and comes up again") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const unsigned workers = GENERATE(1U, 2U);
  const Sources sources = open_sources(config_for("tap0", workers));
  all_notices(*sources[0]);
  CHECK(sources[0]->read_device());
  REQUIRE(PrivateNetwork::ip("link set tap0 down"));
  CHECK_FALSE(sources[0]->read_device());
  CHECK_THAT(all_notices(*sources[0]), Catch::Contains("ip link set tap0 up"));
  CHECK(poll_frames(*sources[0], 0).empty());
  REQUIRE(PrivateNetwork::ip("link set tap0 up"));
  const std::string notices = notices_until(*sources[0], "received again");
  CHECK_THAT(notices, Catch::Contains("received again"));
  const RawSender sender("wire0");
  std::uint64_t polled = 0;
  for (int tries = 0; tries < 500 && polled == 0; ++tries) {  // the other end's link takes its time, too
    sender.send(with_types({8, 6}, 60));                      // ARP: worker 0
    sources[0]->wait(std::chrono::milliseconds(20));
    std::array<Frame, 8> frames;
    polled = sources[0]->poll(frames)->frames;
  }
  CHECK(polled > 0);
}

TEST_CASE("an interface is removed and comes back; counters go on") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const unsigned workers = GENERATE(1U, 2U);
  const Sources sources = open_sources(config_for("tap0", workers));
  const std::vector<sock_filter> program = address_pair_program(kLinkEthernet);
  std::vector<std::uint64_t> expected(workers);
  const auto send_some = [&] {
    const RawSender sender("tap0");
    for (std::uint8_t host = 1; host <= 20; ++host) {
      const FrameBytes frame = ethernet_frame({8, 0}, ipv4_packet(host, 100));
      REQUIRE(sender.send(frame));
      ++expected.at(ClassicBpf(program, frame).run() % workers);
    }
  };
  all_notices(*sources[0]);
  send_some();  // not polled before the interface goes
  REQUIRE(PrivateNetwork::ip("link del tap0"));
  for (const auto& source : sources) CHECK_FALSE(source->read_device());
  CHECK_THAT(all_notices(*sources[0]), Catch::Contains("was removed"));
  for (unsigned worker = 0; worker < workers; ++worker) {
    CHECK(poll_frames(*sources[worker], expected[worker]).size() == expected[worker]);
  }
  network.add_veth_pair();
  for (const auto& source : sources) CHECK(device_becomes(*source, true));
  CHECK_THAT(notices_until(*sources[0], "received again"), Catch::Contains("received again"));
  send_some();
  for (unsigned worker = 0; worker < workers; ++worker) {
    CHECK(poll_frames(*sources[worker], expected[worker] / 2).size() == expected[worker] / 2);
    CHECK(sources[worker]->counters().polled_frames == expected[worker]);
    CHECK(sources[worker]->counters().device_received_frames == expected[worker]);
  }
}

TEST_CASE("a stop while the interface is gone ends, with what was received") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const Sources sources = open_sources(config_for("tap0"));
  {
    const RawSender sender("tap0");
    for (int i = 0; i < 30; ++i) REQUIRE(sender.send(frame_of(60, 1)));
  }
  REQUIRE(PrivateNetwork::ip("link del tap0"));
  sources[0]->stop_receiving();
  CHECK(drain(*sources[0]) == 30);
  check_balance(*sources[0]);
}

TEST_CASE("each packet of the loopback interface is seen once") {
  if (must_skip()) return;
  const unsigned workers = GENERATE(1u, 2u);
  CAPTURE(workers);
  const PrivateNetwork network;
  REQUIRE(PrivateNetwork::ip("link set lo up"));
  const Sources sources = open_sources(config_for("lo", workers));
  const int receiver = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t address_bytes = sizeof address;
  REQUIRE(bind(receiver, reinterpret_cast<const sockaddr*>(&address), address_bytes) == 0);
  REQUIRE(getsockname(receiver, reinterpret_cast<sockaddr*>(&address), &address_bytes) == 0);
  for (std::uint8_t i = 0; i < 25; ++i) {
    REQUIRE(sendto(receiver, &i, 1, 0, reinterpret_cast<const sockaddr*>(&address), address_bytes) == 1);
  }
  std::uint64_t frames = 0;
  for (const auto& source : sources) {
    source->stop_receiving();
    frames += drain(*source);
  }
  CHECK(frames == 25);
  close(receiver);
}

TEST_CASE("a missing link is told, and is no reason to stop reading") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const Sources sources = open_sources(config_for("tap0"));
  all_notices(*sources[0]);
  REQUIRE(PrivateNetwork::ip("link set wire0 down"));
  const std::string notices = notices_until(*sources[0], "no link");
  CHECK_THAT(notices, Catch::Contains("tap0 has no link"));
  CHECK(sources[0]->read_device());
}

TEST_CASE("an interface that carries plain IP") {
  if (must_skip()) return;
  const PrivateNetwork network;
  const TunInterface tun("tun0");
  if (!tun.is_open()) {
    WARN("skipped: no permission for /dev/net/tun");
    return;
  }
  const Sources sources = open_sources(config_for("tun0", 2));
  std::array<std::vector<FrameBytes>, 2> expected;
  const std::vector<sock_filter> program = address_pair_program(kLinkRaw);
  for (std::uint8_t host = 1; host <= 20; ++host) {
    for (const FrameBytes& packet : {ipv4_packet(host, 50), ipv6_packet(50, host)}) {
      REQUIRE(tun.receive(packet));
      expected.at(ClassicBpf(program, packet).run() % 2).push_back(packet);
    }
  }
  for (std::size_t worker = 0; worker < 2; ++worker) {
    CHECK(expected.at(worker).size() > 5);
    CHECK((poll_frames(*sources[worker], expected.at(worker).size()) == expected.at(worker)));
  }
}

TEST_CASE("workers in threads of their own, while their interface is removed and comes back") {
  if (must_skip()) return;
  const PrivateNetwork network;
  constexpr unsigned kWorkers = 2;
  const Sources sources = open_sources(config_for("tap0", kWorkers));
  std::atomic<bool> stop = false;
  std::array<std::atomic<unsigned>, kWorkers> reopened{};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&source = *sources[worker], &stop, &reopened = reopened.at(worker)] {
      std::array<Frame, kBurstFramesMax> frames;
      bool stopped = false;
      bool readable = true;
      for (bool end = false; !end;) {
        if (!stopped && stop.load()) {
          source.stop_receiving();
          stopped = true;
        }
        const Result<PollResult> polled = source.poll(frames);
        end = !polled.ok() || polled->end;
        if (polled.ok() && polled->frames == 0) source.wait(std::chrono::milliseconds(5));
        const bool readable_now = source.read_device();
        if (readable_now && !readable) ++reopened;
        readable = readable_now;
      }
    });
  }
  std::uint64_t sent = 0;
  const auto send_some = [&sent] {
    const RawSender sender("tap0");
    for (std::uint8_t host = 1; host <= 200; ++host) {
      sent += sender.send(ethernet_frame({8, 0}, ipv4_packet(host, 201))) ? 1 : 0;
    }
  };
  send_some();
  REQUIRE(PrivateNetwork::ip("link del tap0"));
  network.add_veth_pair();
  for (int tries = 0; tries < 1000 && (reopened[0] == 0 || reopened[1] == 0); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  send_some();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(sent == 400);
  CHECK(sources[0]->counters().polled_frames + sources[1]->counters().polled_frames == sent);
  for (const auto& source : sources) {
    CHECK(source->counters().polled_frames > 100);
    check_balance(*source);
  }
}
