#pragma once
// SessionRecord: a row about a flow, passed from flowgen to storage. Counters are cumulative since the flow's
// first frame; `previous` holds those of the record before, so that windows can be answered after earlier
// records have expired: delta = counters - previous. Meanings, units and equivalents in other tools:
// flowgen/README.md.

#include <cstdint>

#include "capture/base/time.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/uid.hpp"

namespace tapline {

enum class EndReason : std::uint8_t {
  kOpen = 0,   // interim record: the flow goes on
  kIdle,       // no frame for the timeout of its state
  kFinished,   // TCP: FIN both ways, then quiet
  kReset,      // TCP: RST, then quiet
  kReused,     // TCP: a SYN began another session between the same endpoints
  kEvicted,    // the table was full
  kShutdown,   // the sensor stopped or the capture file ended
  kRecovered,  // rebuilt from stored frames after a crash
};
const char* end_reason_name(EndReason reason);  // "open", "idle", ...

/// How the originator was found, best evidence first; with a confidence 0..100 in the record.
enum class OrientRule : std::uint8_t {
  kSyn = 0,      // it sent the SYN
  kSynAck,       // the other side sent the SYN-ACK
  kIcmpType,     // it sent the request (or the only type without a counterpart)
  kMulticast,    // the other side is a multicast or broadcast address
  kPort,         // the other side has the better known port
  kFirstPacket,  // it sent the first frame seen
};
const char* orient_rule_name(OrientRule rule);  // "syn", "syn_ack", "icmp_type", ...

/// One direction's counters. The three byte layers reconcile with other tools: DESIGN.md section 7.
struct DirectionCounters {
  std::uint64_t packets = 0;
  std::uint64_t frame_bytes = 0;    // as on the wire (argus `bytes`)
  std::uint64_t ip_bytes = 0;       // IP header and payload (NetFlow, darkstat)
  std::uint64_t payload_bytes = 0;  // transport payload (argus `appbytes`)

  friend bool operator==(const DirectionCounters&, const DirectionCounters&) = default;
};

struct DirectionState {
  DirectionCounters total;
  DirectionCounters previous;  // as of the record before; zero in the first
  TimeNs first_ns = 0;         // valid where total.packets > 0
  TimeNs last_ns = 0;
  std::uint8_t tcp_flags_first = 0;
  std::uint8_t tcp_flags_union = 0;
  std::uint8_t ttl_min = 0;
  std::uint8_t ttl_max = 0;
  std::uint16_t vlan_outer = 0;  // VLAN id + 1 of the first tagged frame of this direction; 0: none seen
  std::uint16_t vlan_inner = 0;
};

struct SessionRecord {
  Uid uid;
  FlowKey key;
  DirectionState a_to_b;
  DirectionState b_to_a;
  TimeNs first_ns = 0;        // earliest capture time of any frame of the flow
  TimeNs last_ns = 0;         // latest
  TimeNs delta_first_ns = 0;  // earliest and latest frame since the record before
  TimeNs delta_last_ns = 0;
  OrderKey first_order;
  std::uint64_t unstored_packets = 0;  // seen, but not (wholly) in the store: filtered, cut, dropped
  std::uint32_t seq = 0;               // 0, 1, 2, ... within the uid
  std::uint32_t mpls_label = 0;        // label + 1 of the first labelled frame; 0: none seen
  std::uint16_t worker = 0;
  EndReason end_reason = EndReason::kOpen;
  Direction originator = Direction::kAToB;  // kAToB: A opened the session
  OrientRule orient_rule = OrientRule::kFirstPacket;
  std::uint8_t orient_confidence = 0;  // percent

  bool final() const { return end_reason != EndReason::kOpen; }
};

}  // namespace tapline
