// Names of the enumerations that pass between the libraries, for ledgers, JSON and reports. They are stable.

#include <iterator>

#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"

namespace tapline {

const char* decode_status_name(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::kIp:
      return "ip";
    case DecodeStatus::kArp:
      return "arp";
    case DecodeStatus::kNotIp:
      return "not_ip";
    case DecodeStatus::kUnknownLinkType:
      return "unknown_link_type";
    case DecodeStatus::kTruncatedLink:
      return "truncated_link";
    case DecodeStatus::kTruncatedIp:
      return "truncated_ip";
    case DecodeStatus::kBadIpHeader:
      return "bad_ip_header";
  }
  return "unknown";  // a value read from a file of a later version
}

const char* end_reason_name(EndReason reason) {
  switch (reason) {
    case EndReason::kOpen:
      return "open";
    case EndReason::kIdle:
      return "idle";
    case EndReason::kFinished:
      return "finished";
    case EndReason::kReset:
      return "reset";
    case EndReason::kReused:
      return "reused";
    case EndReason::kEvicted:
      return "evicted";
    case EndReason::kShutdown:
      return "shutdown";
    case EndReason::kRecovered:
      return "recovered";
  }
  return "unknown";
}

const char* conn_state_name(ConnState state) {
  constexpr const char* kNames[] = {"OTH",  "S0",   "S1",     "SF",    "REJ", "S2", "S3",
                                    "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH",  "SHR"};
  const auto number = static_cast<std::size_t>(state);
  return number < std::size(kNames) ? kNames[number] : "unknown";
}

const char* orient_rule_name(OrientRule rule) {
  switch (rule) {
    case OrientRule::kSyn:
      return "syn";
    case OrientRule::kSynAck:
      return "syn_ack";
    case OrientRule::kIcmpType:
      return "icmp_type";
    case OrientRule::kMulticast:
      return "multicast";
    case OrientRule::kPort:
      return "port";
    case OrientRule::kFirstPacket:
      return "first_packet";
    case OrientRule::kRemembered:
      return "remembered";
    case OrientRule::kApplication:
      return "application";
  }
  return "unknown";
}

}  // namespace tapline
