#pragma once
// SessionRecord: a row about a flow, passed from flowgen to storage. Counters are cumulative since the flow's
// first frame; `previous` holds those of the record before, so that windows can be answered after earlier
// records have expired: delta = counters - previous. Meanings, units and equivalents in other tools:
// flowgen/README.md.

#include <algorithm>
#include <cstdint>
#include <string>

#include "capture/base/time_window.hpp"
#include "capture/packet/app.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/history.hpp"
#include "capture/packet/syn_signature.hpp"
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

/// How the originator was found; with a confidence 0..100 in the record. Numbers are on disk: new rules come
/// last.
enum class OrientRule : std::uint8_t {
  kSyn = 0,      // it sent the SYN
  kSynAck,       // the other side sent the SYN-ACK
  kIcmpType,     // it sent the request (or the only type without a counterpart)
  kMulticast,    // the other side is a multicast or broadcast address
  kPort,         // the other side has the better known port
  kFirstPacket,  // it sent the first frame seen
  kRemembered,   // it opened the session of the same key that ended shortly before
  kApplication,  // it spoke as its protocol's client does
};
inline constexpr int kOrientRuleCount = static_cast<int>(OrientRule::kApplication) + 1;
const char* orient_rule_name(OrientRule rule);  // "syn", "syn_ack", "icmp_type", ...

/// How a session went, as in Zeek's conn.log (scripts/base/protocols/conn/main.zeek). UDP: kSf both sides
/// sent, kS0 the originator only, kShr the responder only; all else kOth.
enum class ConnState : std::uint8_t {
  kOth = 0,  // no SYN seen, or what fits nowhere
  kS0,       // attempt without answer
  kS1,       // established, not over
  kSf,       // established and closed by both
  kRej,      // attempt refused
  kS2,       // closed by the originator only
  kS3,       // closed by the responder only
  kRsto,     // the originator reset it
  kRstr,     // the responder reset it
  kRstos0,   // SYN, then RST, without a SYN-ACK
  kRstrh,    // SYN-ACK, then RST by the responder, without a SYN
  kSh,       // SYN, then FIN, without a SYN-ACK
  kShr,      // SYN-ACK, then FIN by the responder, without a SYN
};
const char* conn_state_name(ConnState state);  // "OTH", "S0", "S1", "SF", ...

/// In capture time, a copy of a frame (DirectionCounters::duplicate_packets) is less than this away from it.
inline constexpr TimeNs kCopyDistanceNs = TimeNs{11} << 20;

/// One direction's counters. The three byte layers reconcile with other tools: DESIGN.md section 7.
struct DirectionCounters {
  std::uint64_t packets = 0;
  std::uint64_t frame_bytes = 0;    // as on the wire (argus `bytes`)
  std::uint64_t ip_bytes = 0;       // IP header and payload (NetFlow, darkstat)
  std::uint64_t payload_bytes = 0;  // transport payload (argus `appbytes`)
  // Frames that the tap showed a second time. In none of the counters above, nor in anything else of the
  // record.
  std::uint64_t duplicate_packets = 0;

  friend bool operator==(const DirectionCounters&, const DirectionCounters&) = default;
};

/// What a direction's TCP segments showed. All zero where the session was not tracked
/// (SessionRecord::untracked) or is not TCP.
struct TcpCounters {
  std::uint64_t retransmitted_packets = 0;  // payload, and none of it new
  std::uint64_t retransmitted_bytes = 0;    // payload that had been seen before
  std::uint64_t out_of_order_packets = 0;   // filled a gap that later segments had left
  std::uint64_t gap_bytes = 0;              // of the stream, acknowledged by the other side and never seen
  std::uint64_t zero_windows = 0;           // segments that closed the window; stays at 65535

  friend bool operator==(const TcpCounters&, const TcpCounters&) = default;
};

struct DirectionState {
  DirectionCounters total;
  DirectionCounters previous;  // as of the record before; zero in the first
  TcpCounters tcp;
  TimeNs first_ns = 0;  // valid where total.packets > 0
  TimeNs last_ns = 0;
  std::uint8_t tcp_flags_first = 0;
  std::uint8_t tcp_flags_union = 0;
  std::uint8_t ttl_min = 0;
  std::uint8_t ttl_max = 0;
  std::uint16_t vlan_outer = 0;  // VLAN id + 1 of the first tagged frame of this direction; 0: none seen
  std::uint16_t vlan_inner = 0;
  // Packets with a wrong checksum (verify_checksums()), in all other counters like any. TCP that is not
  // tracked: 0.
  std::uint32_t bad_checksums = 0;

  /// Payload less retransmissions. Both may come from a file, hence any numbers.
  std::uint64_t app_bytes() const {
    return total.payload_bytes - std::min(total.payload_bytes, tcp.retransmitted_bytes);
  }
};

struct SessionRecord {
  Uid uid;
  Uid parent_uid;  // of the session that carried its first packet in a tunnel; zero: none, or not known
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
  ConnState conn_state = ConnState::kOth;
  App app = App::kUnknown;
  bool flipped = false;    // the first frame was not the originator's
  bool untracked = false;  // TCP, but there was no memory to follow its segments: no history, no TcpCounters
  History history;
  TimeNs rtt_server_ns = 0;  // from SYN to SYN-ACK; 0: not measured, as below
  TimeNs rtt_client_ns = 0;  // from SYN-ACK to the ACK of it
  TimeNs response_ns = 0;    // from the first payload of the side that opened to the first of the answer
  SynSignature syn;          // of the first SYN that has one, of whichever side
  SynSignature syn_ack;
  std::string texts;  // the first of each kind (texts.hpp); flowgen keeps them beside the record

  /// TcpCounters say something.
  bool has_tcp_counters() const { return has_tcp_header(key) && !untracked; }
  bool final() const { return end_reason != EndReason::kOpen; }

  /// When its frames were captured, with copies. Without end where it goes on: frames are stored up to a
  /// minute before a record counts them.
  TimeWindow frames() const {
    if (!final()) return {first_ns, TimeWindow::kUnlimitedUntil};
    const bool copies = a_to_b.total.duplicate_packets != 0 || b_to_a.total.duplicate_packets != 0;
    return {first_ns, time_after(saturating_add(last_ns, copies ? kCopyDistanceNs : 0))};
  }
};

}  // namespace tapline
