// FlowTable::State: who makes room when the table is full. Victims are chosen ahead of time, so that all that
// belongs to them is on its way from memory when they are needed; whoever has gone on by then is spared.

#include <algorithm>

#include "flowgen/flow_table_state.hpp"

namespace tapline::flowgen {
namespace {

constexpr std::uint32_t kIdleSamples = 8;
constexpr std::uint32_t kIdleAhead = 4;  // victims to have in hand

/// Of an attempt: no record has told of it, and it was not answered; or nothing but SYN and answer was said.
bool came_to_nothing(const FlowEntry& entry) {
  const DirectionLine& a = entry.directions[0];
  const DirectionLine& b = entry.directions[1];
  if (entry.cold.slab != kNoSlab || (a.duplicates | b.duplicates) != 0) return false;
  const bool answered = a.packets != 0 && b.packets != 0;
  return !answered || (entry.cold.syn_seen != 0 && (a.payload_bytes | b.payload_bytes) == 0);
}

}  // namespace

void FlowTable::State::forget_attempt(std::uint32_t flow) {
  attempts.remove(flow);
  pool[flow].hot.leave_attempt_map();
}

void FlowTable::State::ask_victims() {
  for (; victims.asked != victims.end; ++victims.asked) {
    const std::uint32_t flow = victims.at(victims.asked).flow;
    if (pool[flow].hot.live()) ask_all_of(flow);
  }
  if (!is_flooded()) {
    if (victims.count() < kIdleAhead) add_victim(longest_idle(), false);
    return;
  }
  for (std::uint64_t left = std::min<std::uint64_t>(kVictimsMax, attempts.count()); victims.count() < left;)
    add_victim(attempts.next(), true);
}

void FlowTable::State::add_victim(std::uint32_t flow, bool attempt) {
  const FlowEntry& entry = pool[flow];
  victims.at(victims.end++) = {flow, attempt, attempt ? 0 : entry.hot.last_ns};
  prefetch_all(entry);
}

// As it was when it was chosen, or a later flow of that entry of which the same holds.
bool FlowTable::State::is_still_victim(const Victim& victim) const {
  if (victim.attempt) return is_flooded() && pool[victim.flow].hot.in_attempt_map();
  const KeyLine& hot = pool[victim.flow].hot;
  return hot.live() && hot.last_ns == victim.last_ns;
}

Victim FlowTable::State::take_victim() {
  while (victims.count() != 0) {
    const bool asked = victims.asked != victims.begin;
    const Victim victim = victims.at(victims.begin++);
    if (!asked) ++victims.asked;
    if (is_still_victim(victim)) return victim;
  }
  if (is_flooded()) return {attempts.next(), true, 0};
  return {longest_idle(), false, 0};
}

// The flow that has been idle for longest among the next few, in a circle over the entries.
std::uint32_t FlowTable::State::longest_idle() {
  std::uint32_t longest = kNoFlow;
  for (std::uint32_t sampled = 0; sampled < kIdleSamples && sampled < pool.active_count();) {
    if (++evict_hand >= pool.used_end()) evict_hand = 0;
    if (!pool[evict_hand].hot.live()) continue;
    ++sampled;
    if (longest == kNoFlow || pool[evict_hand].hot.last_ns < pool[longest].hot.last_ns) longest = evict_hand;
  }
  for (std::uint32_t ahead = 1; ahead <= kIdleSamples && evict_hand + ahead < pool.used_end(); ++ahead)
    __builtin_prefetch(&pool[evict_hand + ahead].hot);
  return longest;
}

// A flood of attempts pushes out attempts. A few of them are sessions that begin, which need room, too.
void FlowTable::State::evict() {
  const Victim victim = take_victim();
  index.erase(hash_of(pool[victim.flow]), victim.flow);
  wheel.unlink(victim.flow);
  if (config.give_up_attempts && victim.attempt && came_to_nothing(pool[victim.flow]))
    return give_up(victim.flow);
  end(victim.flow, EndReason::kEvicted);
  ++counters.flows_evicted;
}

// A record of each would cost more than the flood itself, up to the point where packets are lost.
void FlowTable::State::give_up(std::uint32_t flow) {
  const FlowEntry& entry = pool[flow];
  const std::uint64_t packets = packets_of(entry);
  // A session that takes longer to open than attempts stay goes on without a record of its SYN.
  if (entry.cold.syn_seen != 0 && entry.cold.syn_ack_seen != 0)
    orientations.remember(hash_of(entry), static_cast<Direction>(entry.cold.first_syn_direction),
                          timeout_at(entry));
  counters.frames_in_session -= packets;
  counters.frames_in_attempts += packets;
  ++counters.attempts_given_up;
  let_go(flow);
}

// The entry itself has been asked for before.
std::uint64_t FlowTable::State::ask_all_of(std::uint32_t flow) {
  const FlowEntry& entry = pool[flow];
  const std::uint64_t flow_hash = hash_of(entry);
  index.prefetch(flow_hash);
  wheel.prefetch_neighbours(flow);
  if (entry.cold.slab != kNoSlab) interim_slabs.prefetch(entry.cold.slab);
  if (entry.cold.tcp_slab != kNoSlab) tcp_slabs.prefetch(entry.cold.tcp_slab);
  if (!is_attempt(entry)) orientations.prefetch(flow_hash);
  return flow_hash;
}

}  // namespace tapline::flowgen
