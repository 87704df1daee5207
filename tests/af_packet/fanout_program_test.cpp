// The fan-out program against a small interpreter: same worker for both directions, all fragments, every
// wrapping.

#include "capture/af_packet/fanout_program.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "tests/af_packet/classic_bpf.hpp"
#include "tests/af_packet/pair_frames.hpp"

using namespace tapline;

namespace {

std::uint32_t run(LinkType link_type, const FrameBytes& frame) {
  static const std::vector<sock_filter> ethernet = address_pair_program(kLinkEthernet);
  static const std::vector<sock_filter> raw = address_pair_program(kLinkRaw);
  return ClassicBpf(link_type == kLinkRaw ? raw : ethernet, frame).run();
}

/// MurmurHash3's finaliser, from its own text (Appleby, 2011, public domain).
std::uint32_t fmix32(std::uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6b;
  h ^= h >> 13;
  h *= 0xc2b2ae35;
  h ^= h >> 16;
  return h;
}

}  // namespace

TEST_CASE("the program returns the mixed exclusive or of the addresses in every wrapping") {
  for (const Wrapping& wrapping : all_wrappings()) {
    INFO(wrapping.name);
    for (const std::uint8_t to : {1, 2, 77, 254}) {
      const std::uint32_t expected = fmix32(9U ^ to);
      CHECK(run(kLinkEthernet, ethernet_frame(wrapping.before_ipv4, ipv4_packet(9, to))) == expected);
      CHECK(run(kLinkEthernet, ethernet_frame(wrapping.before_ipv4, ipv4_packet(to, 9))) == expected);
      CHECK(run(kLinkEthernet, ethernet_frame(wrapping.before_ipv4, ipv4_packet(9, to, 64))) == expected);
      CHECK(run(kLinkEthernet, ethernet_frame(wrapping.before_ipv6, ipv6_packet(9, to))) == expected);
      CHECK(run(kLinkEthernet, ethernet_frame(wrapping.before_ipv6, ipv6_packet(to, 9))) == expected);
    }
  }
}

TEST_CASE("the program reads IP without a link header") {
  CHECK(run(kLinkRaw, ipv4_packet(9, 5)) == fmix32(9U ^ 5U));
  CHECK(run(kLinkRaw, ipv6_packet(5, 9)) == fmix32(9U ^ 5U));
  CHECK(run(kLinkRaw, {0x15, 1, 2, 3}) == 0);
}

TEST_CASE("what has no addresses goes to worker 0") {
  const FrameBytes arp(46, 7);
  CHECK(run(kLinkEthernet, ethernet_frame({8, 6}, arp)) == 0);
  CHECK(run(kLinkEthernet, ethernet_frame({0, 46}, arp)) == 0);                    // IEEE 802.3 length
  CHECK(run(kLinkEthernet, ethernet_frame({0x88, 0x63}, arp)) == 0);               // PPPoE discovery
  CHECK(run(kLinkEthernet, ethernet_frame({0x88, 0x47, 0, 1, 1, 64}, arp)) == 0);  // no IP below the label
  CHECK(run(kLinkEthernet, ethernet_frame({0x88, 0x64, 0x11, 0, 0, 1, 0, 46}, arp)) == 0);
  const FrameBytes tag{0x81, 0, 0, 1};
  FrameBytes four_tags;
  for (int i = 0; i < 4; ++i) append(four_tags, tag);
  append(four_tags, {8, 0});
  CHECK(run(kLinkEthernet, ethernet_frame(four_tags, ipv4_packet(1, 2))) == 0);
  FrameBytes five_labels{0x88, 0x47};
  for (int i = 0; i < 4; ++i) append(five_labels, {0, 1, 0, 64});
  append(five_labels, {0, 1, 1, 64});
  CHECK(run(kLinkEthernet, ethernet_frame(five_labels, ipv4_packet(1, 2))) == 0);
}

TEST_CASE("a frame that ends before its addresses goes to worker 0") {
  for (const Wrapping& wrapping : all_wrappings()) {
    INFO(wrapping.name);
    const FrameBytes whole = ethernet_frame(wrapping.before_ipv4, ipv4_packet(1, 2));
    const std::size_t address_end = whole.size() - 46 + 20;
    for (std::size_t bytes = 0; bytes < address_end; ++bytes) {
      REQUIRE(run(kLinkEthernet, FrameBytes(whole.begin(), whole.begin() + static_cast<long>(bytes))) == 0);
    }
    CHECK(run(kLinkEthernet, FrameBytes(whole.begin(), whole.begin() + static_cast<long>(address_end))) != 0);
  }
}

TEST_CASE("neighbouring addresses spread over any number of workers") {
  for (const unsigned workers : {2U, 3U, 4U, 7U, 16U}) {
    std::array<unsigned, 16> pairs{};
    for (unsigned to = 1; to <= 250; ++to) {
      ++pairs.at(run(kLinkEthernet, ethernet_frame({8, 0}, ipv4_packet(0, static_cast<std::uint8_t>(to)))) %
                 workers);
    }
    for (unsigned worker = 0; worker < workers; ++worker) {
      INFO(workers << " workers, worker " << worker);
      CHECK(pairs.at(worker) > 250 / workers / 3);
      CHECK(pairs.at(worker) < 250 / workers * 2);
    }
  }
}
