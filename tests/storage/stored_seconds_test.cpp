#include "storage/stored_seconds.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace tapline;
using namespace tapline::storage;

TEST_CASE("frames are taken back from exactly the seconds into which they were booked") {
  const auto seed = GENERATE(range(1u, 20u));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t end) { return random() % end; };
  std::vector<std::uint8_t> bytes(kFrameBytesMax);
  PacketBlock block(8u << 20);
  StoredSeconds seconds;
  std::map<std::int64_t, LedgerCounts> booked;
  OrderKey order{below(2) == 0 ? -3 * kNsPerSecond : 1'767'225'600 * kNsPerSecond, 0};
  TimeNs time_ns = order.time_ns;
  block.begin(1, 0, kLinkEthernet, false);
  const auto seal = [&] {
    seconds.add(block);
    block.begin(2, 0, kLinkEthernet, false);
  };
  for (int i = 0; i < 2000; ++i) {
    time_ns += static_cast<TimeNs>(below(20 * kNsPerMillisecond)) - (below(5) == 0 ? kNsPerSecond / 2 : 0);
    order = time_ns > order.time_ns ? OrderKey{time_ns, 0} : OrderKey{order.time_ns, order.count + 1};
    Frame frame;
    frame.data = bytes.data();
    const bool too_long = below(50) == 0;
    frame.captured_bytes = too_long ? kFrameBytesMax + 1 + static_cast<std::uint32_t>(below(100))
                                    : static_cast<std::uint32_t>(below(300));
    frame.wire_bytes = frame.captured_bytes;
    if (!too_long && below(10) == 0) frame.wire_bytes = static_cast<std::uint32_t>(below(600));
    frame.time_ns = time_ns;
    frame.order = order;
    std::uint32_t stored_bytes = std::min(frame.captured_bytes, kFrameBytesMax);
    if (below(4) == 0) stored_bytes -= static_cast<std::uint32_t>(below(stored_bytes + 1));
    FrameCut cut;
    if (stored_bytes < frame.captured_bytes) cut.captured_bytes = frame.captured_bytes;
    if (cut.any() && below(2) == 0) cut.overload_bytes = frame.captured_bytes - stored_bytes;
    LedgerCounts& counts = booked[floor_seconds(order.time_ns)];
    counts.add_stored(frame, stored_bytes);
    if (cut.overload_bytes > 0) counts.add_cut_overload(cut.overload_bytes);
    frame.captured_bytes = stored_bytes;
    if (!block.fits(frame) || below(200) == 0) seal();
    block.append(frame, cut);
  }
  seal();
  const std::vector<LedgerRow> rows = seconds.dropped_rows(DropCause::kNoSpace, 3, 4);
  std::int64_t frames = 0;
  for (const LedgerRow& row : rows) {
    CHECK((row.port == 3 && row.worker == 4));
    frames += row.counts[kFrameDropped + static_cast<std::size_t>(DropCause::kNoSpace)];
    LedgerCounts& left = booked[row.second];
    left.add(row.counts);
  }
  CHECK(frames == 2000);
  for (auto& [second, left] : booked) {  // nothing is stored any more, and book 1 closes
    LedgerTotals totals;
    LedgerRow polled;
    polled.counts = left;
    constexpr auto kNoSpace = static_cast<std::size_t>(DropCause::kNoSpace);
    for (const LedgerCounter counter : {kFramePolled, kFrameDecoded, kFrameInSession})
      polled.counts.values[counter] = left[kFrameDropped + kNoSpace];
    polled.counts.values[kFramePolledWireBytes] = left[kFrameDroppedBytes + kNoSpace];
    totals.add(polled);
    CHECK(totals.check().ok());
    for (const LedgerCounter counter :
         {kFrameStoredWhole, kFrameStoredCut, kFrameStoredWholeBytes, kFrameStoredCutBytes,
          kFrameCutByUsBytes, kFrameCutAtSourceBytes, kFrameStoredBeyondWireBytes, kFrameCutOverload,
          kFrameCutOverloadBytes}) {
      CHECK(left[counter] == 0);
    }
  }
}
