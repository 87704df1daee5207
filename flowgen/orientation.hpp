#pragma once
// Who opened a session: decided when a record is written, from what the flow has shown so far, with the rule
// that decided and a confidence. Pure.

#include <cstdint>

#include "capture/packet/flow_key.hpp"
#include "capture/packet/session_record.hpp"

namespace tapline::flowgen {

/// In sets of directions, as of who sent a SYN.
inline std::uint8_t bit(Direction direction) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(direction));
}

/// What the flow has shown. Bits stand for directions: 1 << Direction.
struct OrientEvidence {
  std::uint8_t frames_seen = 0;  // bit set: this direction has frames
  std::uint8_t syn_seen = 0;     // SYN without ACK
  std::uint8_t syn_ack_seen = 0;
  std::uint8_t remembered = 0;  // who opened the session of this key before it, where that is remembered
  std::uint8_t clients = 0;     // its first payload was a client's, or the other side's a server's
  Direction first_direction = Direction::kAToB;      // of the first frame
  Direction first_syn_direction = Direction::kAToB;  // of the first SYN; valid where syn_seen != 0
};

struct Orientation {
  Direction originator;
  OrientRule rule;
  std::uint8_t confidence;  // percent
};

Orientation find_originator(const FlowKey& key, const OrientEvidence& evidence);

/// Of a session that has ended: whether to remember who opened it. TCP only, since of other protocols the key
/// says again whatever is certain. Not where nothing but an unanswered SYN was seen: floods and scans.
bool is_to_remember(const SessionRecord& record);

}  // namespace tapline::flowgen
