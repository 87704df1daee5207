#pragma once
// A run of the live sensor on one port, driven by a test and killed at any point: two workers that share its
// traffic, with interim flushes of session records, a ledger flush each second, and segments sealed at
// intervals, of order time in place of the wall clock.

#include <memory>
#include <random>
#include <vector>

#include "capture/packet/order_stamper.hpp"
#include "flowgen/flow_table.hpp"
#include "storage/ledger_book.hpp"
#include "storage/ledger_file.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/sensor/recorded_store.hpp"
#include "tests/storage/frame_segment_writer.hpp"

namespace tapline::test {

inline constexpr std::uint16_t kLivePort = 3;
inline constexpr std::uint16_t kLiveWorkers = 2;

/// Conversations of all kinds, between few hosts so that sessions follow each other on the same ports, over
/// `seconds`; sorted by time, and within a flow no two frames of one time.
std::vector<OwnedFrame> conversations(std::uint64_t seed, int seconds, std::size_t count);

struct LiveIntervals {
  TimeNs sessions_flush_ns = kNsPerSecond / 2;
  TimeNs seal_ns = kNsPerSecond;
};

/// A packet: a frame, or what it carries in a tunnel.
struct FedFrame {
  FlowKey key;
  Direction direction;
  OrderKey order;
  std::uint32_t wire_bytes;
  std::uint16_t worker;
  bool session;
  bool inner;
};

class LiveRun {
 public:
  LiveRun(const storage::Store& store, TimeNs first_ns, const LiveIntervals& intervals = {});
  ~LiveRun();  // kills it: nothing is finished

  void feed(const OwnedFrame& frame);
  /// Seals and publishes all packets: what follows can only have lost records.
  void publish_packets();
  /// An orderly stop.
  void finish();

  const storage::SegmentId& id() const { return id_; }
  /// Every packet so far, in order.
  const std::vector<FedFrame>& fed() const { return fed_; }

 private:
  struct Worker;
  void housekeep(Worker& worker, TimeNs now_ns);

  LiveIntervals intervals_;
  storage::SegmentId id_;
  OrderStamper stamper_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<FedFrame> fed_;
};

}  // namespace tapline::test
