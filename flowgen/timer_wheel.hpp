#pragma once
// TimerWheel: when to look at which flow again. One level of slots, each a doubly linked list through the
// flows' cold lines. Lazy: it does not know deadlines, only when to ask; a flow that is not due yet is linked
// anew. Times beyond one round are asked after one round.

#include <array>
#include <cstdint>

#include "capture/base/time.hpp"
#include "flowgen/flow_entry.hpp"

namespace tapline::flowgen {

class TimerWheel {
 public:
  static constexpr std::uint32_t kSlots = 4096;
  static constexpr int kTickShift = 27;  // 2^27 ns = 134 ms a slot, 9.2 minutes a round

  /// `flows`: all entries; outlives the wheel.
  explicit TimerWheel(FlowEntry* flows) : flows_(flows) { slots_.fill(kNoFlow); }

  /// A flow not in the wheel is to come out of pop() at or after `due_ns`, or after one round. `now_ns` as in
  /// pop().
  void link(std::uint32_t flow, TimeNs due_ns, TimeNs now_ns);
  void unlink(std::uint32_t flow);
  /// What unlink() will write.
  void prefetch_neighbours(std::uint32_t flow) const;

  /// The next flow whose slot time has come at `now_ns`, taken out; kNoFlow where there is none. `now_ns`
  /// never decreases.
  std::uint32_t pop(TimeNs now_ns);
  /// Whether pop() would give one.
  bool is_due(TimeNs now_ns);

 private:
  // timer_previous of a list's first flow: kHeadMark | slot.
  static constexpr std::uint32_t kHeadMark = 1u << 31;

  static std::int64_t tick_of(TimeNs time_ns) { return time_ns >> kTickShift; }
  static std::uint32_t slot_of(std::int64_t tick) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(tick) % kSlots);
  }

  std::uint32_t due_flow(TimeNs now_ns);

  FlowEntry* flows_;
  std::int64_t next_tick_ = 0;  // slots of earlier ticks are empty
  std::uint32_t linked_flows_ = 0;
  std::array<std::uint32_t, kSlots> slots_;  // first flow or kNoFlow
};

}  // namespace tapline::flowgen
