// Cutoff against a naive model that knows nothing of the flow table: for random sessions, interleaved, every
// stored frame has exactly the bytes that the model says. record() asserts the conservation law.

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <tuple>

#include "tests/packet/packet_builder.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::test;
using namespace tapline::storage;

namespace {

struct Made {
  OwnedFrame frame;
  std::uint16_t client = 0;
  std::uint16_t server = 0;
  bool upwards = true;
  bool is_tcp = true;
  std::uint8_t flags = 0;
  std::size_t payload_bytes = 0;
  std::size_t header_bytes = 0;
};

Made make(std::mt19937_64& random, TimeNs time_ns, std::uint16_t ip_id) {
  const auto below = [&](std::uint64_t end) { return random() % end; };
  Made made;
  made.client = static_cast<std::uint16_t>(40000 + below(40));
  made.server = std::array<std::uint16_t, 4>{80, 443, 53, 9999}[below(4)];
  made.upwards = below(2) == 0;
  made.is_tcp = made.server != 53;
  if (made.is_tcp) made.flags = below(3) == 0 ? kTcpAck | kTcpPsh : kTcpAck;  // control: cutoff_policy_test
  if (below(4) != 0) made.payload_bytes = below(1400);
  PacketBuilder packet;
  packet.eth();
  if (made.client % 3 == 0) packet.vlan(7);
  packet.ipv4(made.upwards ? "10.0.0.1" : "10.0.0.2", made.upwards ? "10.0.0.2" : "10.0.0.1", {.id = ip_id});
  const std::uint16_t from = made.upwards ? made.client : made.server;
  const std::uint16_t to = made.upwards ? made.server : made.client;
  made.is_tcp ? packet.tcp(from, to, made.flags) : packet.udp(from, to);
  made.header_bytes = packet.bytes().size();
  made.frame = owned(packet.payload(made.payload_bytes).bytes(), time_ns);
  if (below(30) == 0)
    made.frame.bytes.resize(made.frame.bytes.size() - made.payload_bytes / 2);  // by the source
  return made;
}

/// The policy under test, said once more: 443 headers, upwards to 80 all, 53 nothing, else `limit`.
struct Model {
  std::size_t limit;
  std::map<std::tuple<std::uint16_t, std::uint16_t, bool>, std::size_t> before = {};

  std::optional<OwnedFrame> stored(const Made& made) {
    std::size_t& seen = before[{made.client, made.server, made.upwards}];
    std::size_t most = limit - std::min(limit, seen);
    if (made.server == 443) most = 0;
    if (made.server == 80 && made.upwards) most = made.payload_bytes;
    seen += made.payload_bytes;
    if (made.server == 53) return std::nullopt;
    OwnedFrame frame = made.frame;
    if (most < made.payload_bytes) frame.bytes.resize(std::min(frame.bytes.size(), made.header_bytes + most));
    return frame;
  }
};

}  // namespace

TEST_CASE("cutoff: each stored frame has the bytes that a naive model of the policy says") {
  const auto seed = GENERATE(range(1u, 9u));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Model model{std::array<std::size_t, 4>{0, 100, 5000, 50'000}[seed % 4]};
  std::vector<OwnedFrame> frames;
  std::vector<OwnedFrame> expected;
  std::size_t cut_frames = 0;
  TimeNs time_ns = 1'767'225'600 * kNsPerSecond;
  for (int i = 0; i < 6000; ++i) {
    time_ns += static_cast<TimeNs>(random() % 100'000);  // no session ends by its timeout
    const Made made = make(random, time_ns, static_cast<std::uint16_t>(i + 1));
    frames.push_back(made.frame);
    if (const std::optional<OwnedFrame> stored = model.stored(made)) {
      cut_frames += stored->bytes.size() < made.frame.bytes.size() ? 1 : 0;
      expected.push_back(*stored);
    }
  }
  RecordOptions options;
  options.cutoff = must(sensor::CutoffPolicy::parse(
      std::to_string(model.limit), {"port 443=headers", "dst port 80=all", "udp port 53=none"}));
  options.segment.block_bytes = 16 * 1024;
  options.burst_frames = 1 + static_cast<std::uint32_t>(random() % kBurstFramesMax);
  const TestStore store;
  const Recording recording = record(*store, frames, options);
  CHECK(frames_of(read_frames(*store)) == expected);
  CHECK(static_cast<std::size_t>(recording.count(kFrameStoredCut)) == cut_frames);
  CHECK(static_cast<std::size_t>(recording.count(kFrameFiltered)) == frames.size() - expected.size());
  CHECK(recording.count(kFrameCutOverload) == 0);

  // Sessions do not know of the policy, but for how many of their packets are stored.
  const TestStore whole;
  record(*whole, frames);
  std::vector<SessionRecord> all = read_sessions(*whole);
  std::vector<SessionRecord> cut = read_sessions(*store);
  REQUIRE(all.size() == cut.size());
  std::uint64_t unstored = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].uid == cut[i].uid);
    CHECK(all[i].a_to_b.total == cut[i].a_to_b.total);
    CHECK(all[i].b_to_a.total == cut[i].b_to_a.total);
    if (cut[i].final()) unstored += cut[i].unstored_packets;
  }
  CHECK(unstored ==
        static_cast<std::uint64_t>(recording.count(kFrameStoredCut) + recording.count(kFrameFiltered)));
}
