#include "storage/ledger_book.hpp"

#include <limits>

namespace tapline::storage {
namespace {

constexpr std::size_t kRowsExpected = 4 * kBurstFramesMax;

}  // namespace

LedgerBook::LedgerBook(std::uint16_t port, std::uint16_t worker) {
  row_.port = port;
  row_.worker = worker;
  rows_.reserve(kRowsExpected);
}

void LedgerBook::turn_to(TimeNs order_ns) {
  close_second();
  row_.second = floor_seconds(order_ns);
  // The first and the last second that TimeNs can say are cut short by its limits.
  const TimeNs rest_ns = (order_ns % kNsPerSecond + kNsPerSecond) % kNsPerSecond;
  if (__builtin_sub_overflow(order_ns, rest_ns, &first_ns_)) first_ns_ = std::numeric_limits<TimeNs>::min();
  if (__builtin_add_overflow(order_ns, kNsPerSecond - 1 - rest_ns, &last_ns_)) {
    last_ns_ = std::numeric_limits<TimeNs>::max();
  }
}

void LedgerBook::note_device(TimeNs order_ns, std::uint64_t received_frames, std::uint64_t dropped_frames) {
  static_cast<void>(at(order_ns));
  row_.device_measured = true;
  row_.device_received_frames = received_frames;
  row_.device_dropped_frames = dropped_frames;
}

void LedgerBook::close_second() {
  if (!row_.device_measured && !row_.counts.any()) return;
  rows_.push_back(row_);
  row_.device_measured = false;
  row_.device_received_frames = 0;
  row_.device_dropped_frames = 0;
  row_.counts = {};
}

}  // namespace tapline::storage
