// What a worker's records say to be complete: the frames of that time, too, are on their way to the disk.

#include <catch2/catch.hpp>

#include "sensor/frame_worker.hpp"
#include "sensor/thread_exchange.hpp"
#include "tests/packet/packet_builder.hpp"

namespace {

using namespace tapline;
using namespace tapline::sensor;

constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr TimeNs kGrace = 100 * kNsPerMillisecond;

/// What the next batch says; blocks before it are given back, and counted.
TimeNs next_complete_until(ThreadExchange& exchange, int& blocks) {
  for (Parcel parcel; exchange.receive(parcel);) {
    const RecordBatch* const batch = parcel.batch;
    const TimeNs until_ns = batch != nullptr ? batch->complete_until_ns : 0;
    exchange.give_back(parcel);
    if (batch != nullptr) return until_ns;
    ++blocks;
  }
  FAIL("no batch came");
  return 0;
}

}  // namespace

TEST_CASE(
    "records are complete up to the oldest frame that waits in a lane, and not before frames may be late") {
  FrameWorkerConfig config;
  config.flows_max = 64;
  config.grace_ns = kGrace;
  ThreadExchange exchange(256, 32, config.lanes.block_bytes, 3'600 * kNsPerSecond);
  Result<std::unique_ptr<FrameWorker>> made = FrameWorker::create(config, exchange);
  REQUIRE(made);
  FrameWorker& worker = **made;

  const std::vector<std::uint8_t> bytes =
      test::PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(4'000, 53).payload(50).bytes();
  Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  frame.time_ns = kStart;
  REQUIRE(worker.ready());
  worker.process(std::span(&frame, 1));

  int blocks = 0;
  worker.note_idle(kGrace);
  REQUIRE(worker.advance(flowgen::FlowTable::kRecordsPerAdvanceMax));
  worker.flush_records(kStart + kGrace);
  CHECK(next_complete_until(exchange, blocks) == kStart);  // the frame itself may still be lost
  CHECK(blocks == 0);

  REQUIRE(worker.ready());
  worker.note_idle(kNsPerSecond);
  REQUIRE(worker.advance(flowgen::FlowTable::kRecordsPerAdvanceMax));  // the session's opening record
  worker.flush_records(kStart + kNsPerSecond);
  CHECK(next_complete_until(exchange, blocks) == kStart + kNsPerSecond - kGrace);
  CHECK(blocks == 1);  // sent before the batch that counts its frame
}
