// Lanes as a live worker uses them: a pool that may be empty, blocks handed over by age, lanes that fold.

#include "storage/lane_packer.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "capture/packet/decode.hpp"
#include "storage/segment_writer.hpp"
#include "tests/storage/index_check.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint32_t kBlockBytes = 4096;
constexpr TimeNs kMillisecond = kNsPerMillisecond;

/// So many blocks; those that were sent wait until the test gives them back.
class BlockPool : public BlockExchange {
 public:
  BlockPool(std::size_t blocks, std::uint32_t block_bytes, TimeNs span_ns) {
    for (std::size_t i = 0; i < blocks; ++i) {
      blocks_.push_back(std::make_unique<PacketBlock>(block_bytes, span_ns));
      free.push_back(blocks_.back().get());
    }
  }
  PacketBlock* take() override {
    if (free.empty()) return nullptr;
    PacketBlock* const block = free.back();
    free.pop_back();
    return block;
  }
  void send(PacketBlock& block) override { sent.push_back(&block); }

  std::vector<PacketBlock*> free;
  std::vector<PacketBlock*> sent;

 private:
  std::vector<std::unique_ptr<PacketBlock>> blocks_;
};

/// Packer, pool and, for what was sent, a segment writer.
struct Rig {
  explicit Rig(std::size_t blocks, std::uint32_t block_bytes = kBlockBytes, TimeNs span_ns = INT64_MAX)
      : pool(blocks, block_bytes, span_ns),
        packer({kLinkEthernet, block_bytes, 2}, pool),
        writer(segment_config(folder.path(), block_bytes), space) {}

  static SegmentWriterConfig segment_config(const std::string& directory, std::uint32_t block_bytes) {
    SegmentWriterConfig config;
    config.directory = config.index_directory = directory;
    config.block_bytes = block_bytes;
    return config;
  }
  /// Frames of equal times are counted, as OrderStamper does it.
  bool append(TestFrame frame) {
    if (frame.order <= last_order) frame.order = {last_order.time_ns, last_order.count + 1};
    last_order = frame.order;
    const Frame view = frame.view();
    const TestFlows::Found found = flows.find(frame, view);
    if (!packer.append(view, found.packets, found.hit, frame.frame_cut())) return false;
    ++stored;
    return true;
  }
  /// The lanes of the blocks that were sent, which are written and free again.
  std::multiset<std::uint16_t> write_sent() {
    std::multiset<std::uint16_t> lanes;
    for (PacketBlock* block : pool.sent) {
      lanes.insert(block->info().lane);
      REQUIRE(writer.write(*block).ok());
      pool.free.push_back(block);
    }
    pool.sent.clear();
    return lanes;
  }
  /// Publishes everything and checks what a reader finds.
  void finish_and_check() {
    packer.seal_all();
    write_sent();
    REQUIRE(writer.finish().ok());
    for (const std::string& path : list_files(folder.path(), kPacketSuffix)) check_no_false_negative(path);
    CHECK(read_directory(folder.path()).size() == stored);
  }

  TemporaryFolder folder;
  TestSpace space;
  BlockPool pool;
  LanePacker packer;
  SegmentWriter writer;
  TestFlows flows;
  std::size_t stored = 0;
  OrderKey last_order{INT64_MIN, 0};
};

TestFrame frame_of(std::uint16_t port, TimeNs time_ns, std::size_t payload_bytes = 200, bool opaque = false) {
  TestFrame frame;
  frame.bytes = make_udp_frame(0x0a000001, 0x0a000002, port, 53, payload_bytes);
  frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = time_ns;
  frame.order = {time_ns, 0};
  frame.opaque = opaque;
  return frame;
}

/// Bytes of random flows, half of them opaque.
void fill(Rig& rig, std::size_t frames, TimeNs time_ns) {
  for (std::size_t i = 0; i < frames; ++i) {
    rig.append(frame_of(static_cast<std::uint16_t>(2000 + i * 7 % 400), time_ns, 200, i % 2 == 0));
    rig.write_sent();
  }
}

}  // namespace

TEST_CASE("without a block a frame is refused and leaves no trace; with one again it is stored") {
  Rig rig(1);
  CHECK(rig.append(frame_of(1000, 1)));
  CHECK_FALSE(rig.append(frame_of(1000, 2, 200, true)));  // needs an opaque lane
  rig.packer.seal_all();
  REQUIRE(rig.pool.sent.size() == 1);
  const std::uint32_t used_bytes = rig.pool.sent[0]->used_bytes();
  const std::size_t keys = rig.pool.sent[0]->pending().size();
  for (TimeNs i = 3; i < 20; ++i) CHECK_FALSE(rig.append(frame_of(1000, i)));
  CHECK(rig.pool.sent[0]->used_bytes() == used_bytes);
  CHECK(rig.pool.sent[0]->pending().size() == keys);
  rig.write_sent();
  CHECK(rig.append(frame_of(1000, 30)));
  rig.finish_and_check();
}

TEST_CASE("a full block is handed over even if no other can be had") {
  Rig rig(1);
  std::size_t stored = 0;
  while (rig.append(frame_of(1000, 1))) ++stored;
  CHECK(stored > 10);
  CHECK(rig.pool.sent.size() == 1);
  CHECK(rig.pool.sent[0]->info().frames == stored);
  rig.finish_and_check();
}

TEST_CASE("blocks are handed over by the age of their first frame, on the clock passed in") {
  Rig rig(8);
  rig.packer.seal_old(1000 * kMillisecond, 0);
  REQUIRE(rig.append(frame_of(1000, 5)));
  rig.packer.seal_old(1100 * kMillisecond, 800 * kMillisecond);
  CHECK(rig.pool.sent.empty());
  REQUIRE(rig.append(frame_of(1000, 6)));             // no younger block for it
  REQUIRE(rig.append(frame_of(1001, 7, 200, true)));  // begun at 1,100
  rig.packer.seal_old(1300 * kMillisecond, 1000 * kMillisecond);
  REQUIRE(rig.pool.sent.size() == 1);
  CHECK(rig.pool.sent[0]->info().frames == 2);
  rig.packer.seal_old(1399 * kMillisecond, 1099 * kMillisecond);
  CHECK(rig.pool.sent.size() == 1);
  rig.packer.seal_old(1400 * kMillisecond, 1100 * kMillisecond);
  CHECK(rig.pool.sent.size() == 2);
  rig.packer.seal_old(9000 * kMillisecond, 9000 * kMillisecond);  // an empty lane hands over nothing
  CHECK(rig.pool.sent.size() == 2);
  rig.finish_and_check();
}

TEST_CASE("an idle link uses one lane for both classes, a busy one unfolds, and folds again") {
  Rig rig(32);
  rig.packer.fold();
  fill(rig, 4, 1);
  rig.packer.seal_all();
  CHECK(rig.write_sent() == std::multiset<std::uint16_t>{0});

  fill(rig, 2000, 2);  // 500 KiB: far more than two blocks for each of 2 x 4 lanes
  rig.packer.seal_all();
  rig.write_sent();
  rig.packer.fold();
  fill(rig, 1000, 3);
  rig.packer.seal_all();
  const std::multiset<std::uint16_t> last = rig.write_sent();
  CHECK(last.size() >= 4);
  rig.packer.fold();
  std::set<std::uint16_t> lanes;
  for (int i = 0; i < 200; ++i) {
    rig.append(frame_of(static_cast<std::uint16_t>(2000 + i * 7), 4, 200, i % 2 == 0));
    for (const std::uint16_t lane : rig.write_sent()) lanes.insert(lane);
  }
  rig.packer.seal_all();
  for (const std::uint16_t lane : rig.write_sent()) lanes.insert(lane);
  CHECK(lanes.size() == 8);

  rig.packer.fold();
  rig.packer.fold();  // a period without anything
  fill(rig, 4, 5);
  rig.packer.seal_all();
  CHECK(rig.write_sent() == std::multiset<std::uint16_t>{0});
  rig.finish_and_check();
}

TEST_CASE("a flow keeps its lane while its block lasts, though the lanes fold or unfold meanwhile") {
  Rig rig(32, 64 * 1024);
  fill(rig, 20'000, 1);
  rig.packer.seal_all();
  rig.write_sent();
  rig.packer.fold();  // unfolded
  for (std::uint16_t port = 1000; port < 1016; ++port) REQUIRE(rig.append(frame_of(port, 2)));
  rig.packer.fold();
  rig.packer.fold();  // idle: one lane for whatever has none
  for (std::uint16_t port = 1000; port < 1016; ++port) REQUIRE(rig.append(frame_of(port, 3)));
  rig.packer.seal_all();
  for (const PacketBlock* block : rig.pool.sent) CHECK(block->info().frames % 2 == 0);
  CHECK(rig.pool.sent.size() > 1);
  rig.finish_and_check();
}

TEST_CASE("a block is full when another frame's keys might not fit") {
  Rig rig(4, 1 << 20);
  std::uint32_t frames = 0;
  for (; rig.pool.sent.empty(); ++frames) {  // each begins a flow
    TestFrame frame = frame_of(static_cast<std::uint16_t>(frames), 1, 0);
    frame.bytes[29] = static_cast<std::uint8_t>(frames >> 16);
    REQUIRE(rig.append(frame));
    REQUIRE(frames < 20'000);
  }
  CHECK(rig.pool.sent[0]->used_bytes() < 1u << 20);
  CHECK(rig.pool.sent[0]->pending().size() <= 16 * 1024);
  CHECK(rig.pool.sent[0]->pending().size() + FrameKeys::kKeysMax > 16 * 1024);
  rig.finish_and_check();
}

TEST_CASE("a block is full when another exception to time order might not fit") {
  Rig rig(4, 8 << 20);
  std::uint32_t frames = 0;
  for (; rig.pool.sent.empty(); ++frames) {
    TestFrame frame = frame_of(1000, -5'000'000'000 * kNsPerSecond - frames, 0);
    frame.order = {0, 0xf0000000u + frames};
    REQUIRE(rig.append(frame));
    REQUIRE(frames < 100'000);
  }
  CHECK(rig.pool.sent[0]->used_bytes() < 8u << 20);
  CHECK(rig.pool.sent[0]->extension().size() <= 128 * 1024);
  CHECK(rig.pool.sent[0]->extension().size() + 20 > 128 * 1024);
  rig.finish_and_check();
}

TEST_CASE("a block spans less order time than it may, on clocks that jump over centuries, too") {
  constexpr TimeNs kSpan = 10 * kNsPerSecond;
  Rig rig(8, kBlockBytes, kSpan);
  REQUIRE(rig.append(frame_of(1000, 0)));
  REQUIRE(rig.append(frame_of(1000, kSpan - 1)));
  CHECK(rig.pool.sent.empty());
  REQUIRE(rig.append(frame_of(1000, kSpan)));
  REQUIRE(rig.pool.sent.size() == 1);
  CHECK(rig.pool.sent[0]->info().order_last_ns == kSpan - 1);
  REQUIRE(rig.append(frame_of(1000, INT64_MAX)));
  CHECK(rig.pool.sent.size() == 2);
  rig.finish_and_check();
}

TEST_CASE("the index knows every frame's keys, whatever pool, ages and folding did to the lanes") {
  const std::uint64_t seed = GENERATE(range(1u, 7u));
  CAPTURE(seed);
  Traffic traffic(seed);
  Rig rig(4 + traffic.number(20));
  std::size_t refused = 0;
  TimeNs now_ns = 0;
  for (const TestFrame& frame : traffic.take(6000)) {
    refused += rig.append(frame) ? 0 : 1;
    now_ns += kMillisecond;
    if (traffic.number(200) == 0) rig.packer.seal_old(now_ns, now_ns - 300 * kMillisecond);
    if (traffic.number(500) == 0) rig.packer.fold();
    if (traffic.number(40) == 0) rig.write_sent();
  }
  CHECK(refused + rig.stored == 6000);
  CHECK(rig.stored > 1000);
  rig.finish_and_check();
}
