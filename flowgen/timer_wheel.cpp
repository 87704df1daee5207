#include "flowgen/timer_wheel.hpp"

#include <algorithm>

#include "capture/base/check.hpp"

namespace tapline::flowgen {

void TimerWheel::link(std::uint32_t flow, TimeNs due_ns, TimeNs now_ns) {
  if (linked_flows_++ == 0) next_tick_ = tick_of(now_ns);
  // One tick up: when the slot's turn comes, due_ns has been reached.
  const std::int64_t tick = std::clamp(tick_of(due_ns) + 1, next_tick_, next_tick_ + kSlots - 1);
  const std::uint32_t slot = slot_of(tick);
  const std::uint32_t head = slots_[slot];
  ColdLine& cold = flows_[flow].cold;
  cold.timer_previous = kHeadMark | slot;
  cold.timer_next = head;
  if (head != kNoFlow) flows_[head].cold.timer_previous = flow;
  slots_[slot] = flow;
}

void TimerWheel::unlink(std::uint32_t flow) {
  const ColdLine& cold = flows_[flow].cold;
  if ((cold.timer_previous & kHeadMark) != 0) {
    TAPLINE_DCHECK(slots_[cold.timer_previous & ~kHeadMark] == flow);
    slots_[cold.timer_previous & ~kHeadMark] = cold.timer_next;
  } else {
    flows_[cold.timer_previous].cold.timer_next = cold.timer_next;
  }
  if (cold.timer_next != kNoFlow) flows_[cold.timer_next].cold.timer_previous = cold.timer_previous;
  --linked_flows_;
}

void TimerWheel::prefetch_neighbours(std::uint32_t flow) const {
  const ColdLine& cold = flows_[flow].cold;
  if ((cold.timer_previous & kHeadMark) == 0) __builtin_prefetch(&flows_[cold.timer_previous].cold, 1);
  if (cold.timer_next != kNoFlow) __builtin_prefetch(&flows_[cold.timer_next].cold, 1);
}

std::uint32_t TimerWheel::due_flow(TimeNs now_ns) {
  if (linked_flows_ == 0) return kNoFlow;
  const std::int64_t now_tick = tick_of(now_ns);
  // After a jump of more than a round every slot is due once.
  next_tick_ = std::max(next_tick_, now_tick - kSlots + 1);
  for (; next_tick_ <= now_tick; ++next_tick_) {
    const std::uint32_t flow = slots_[slot_of(next_tick_)];
    if (flow != kNoFlow) return flow;
  }
  return kNoFlow;
}

std::uint32_t TimerWheel::pop(TimeNs now_ns) {
  const std::uint32_t flow = due_flow(now_ns);
  if (flow == kNoFlow) return kNoFlow;
  unlink(flow);
  // The flows after it come out next, and may lie anywhere in memory. The next one was asked for last time.
  const std::uint32_t next = flows_[flow].cold.timer_next;
  const std::uint32_t after_next = next != kNoFlow ? flows_[next].cold.timer_next : kNoFlow;
  if (after_next != kNoFlow) prefetch_all(flows_[after_next]);
  return flow;
}

bool TimerWheel::is_due(TimeNs now_ns) {
  return due_flow(now_ns) != kNoFlow;
}

}  // namespace tapline::flowgen
