#include "storage/query/filter_field.hpp"

#include <algorithm>
#include <array>

#include "storage/query/filter_names.hpp"

namespace tapline::query {
namespace {

constexpr Side kAll = Side::kEither;
constexpr Side kOrig = Side::kSource;
constexpr Side kResp = Side::kDestination;

constexpr std::array kFields = {
    FieldSpec{"first", Field::kFirst, kAll, FieldType::kTime},
    FieldSpec{"last", Field::kLast, kAll, FieldType::kTime},
    FieldSpec{"duration", Field::kDuration, kAll, FieldType::kDuration},
    FieldSpec{"packets", Field::kPackets, kAll, FieldType::kCount},
    FieldSpec{"orig_packets", Field::kPackets, kOrig, FieldType::kCount},
    FieldSpec{"resp_packets", Field::kPackets, kResp, FieldType::kCount},
    FieldSpec{"frame_bytes", Field::kFrameBytes, kAll, FieldType::kBytes},
    FieldSpec{"orig_frame_bytes", Field::kFrameBytes, kOrig, FieldType::kBytes},
    FieldSpec{"resp_frame_bytes", Field::kFrameBytes, kResp, FieldType::kBytes},
    FieldSpec{"ip_bytes", Field::kIpBytes, kAll, FieldType::kBytes},
    FieldSpec{"orig_ip_bytes", Field::kIpBytes, kOrig, FieldType::kBytes},
    FieldSpec{"resp_ip_bytes", Field::kIpBytes, kResp, FieldType::kBytes},
    FieldSpec{"payload_bytes", Field::kPayloadBytes, kAll, FieldType::kBytes},
    FieldSpec{"orig_payload_bytes", Field::kPayloadBytes, kOrig, FieldType::kBytes},
    FieldSpec{"resp_payload_bytes", Field::kPayloadBytes, kResp, FieldType::kBytes},
    FieldSpec{"app_bytes", Field::kAppBytes, kAll, FieldType::kBytes},
    FieldSpec{"orig_app_bytes", Field::kAppBytes, kOrig, FieldType::kBytes},
    FieldSpec{"resp_app_bytes", Field::kAppBytes, kResp, FieldType::kBytes},
    FieldSpec{"retransmitted_packets", Field::kRetransmittedPackets, kAll, FieldType::kCount},
    FieldSpec{"orig_retransmitted_packets", Field::kRetransmittedPackets, kOrig, FieldType::kCount},
    FieldSpec{"resp_retransmitted_packets", Field::kRetransmittedPackets, kResp, FieldType::kCount},
    FieldSpec{"out_of_order_packets", Field::kOutOfOrderPackets, kAll, FieldType::kCount},
    FieldSpec{"orig_out_of_order_packets", Field::kOutOfOrderPackets, kOrig, FieldType::kCount},
    FieldSpec{"resp_out_of_order_packets", Field::kOutOfOrderPackets, kResp, FieldType::kCount},
    FieldSpec{"gap_bytes", Field::kGapBytes, kAll, FieldType::kBytes},
    FieldSpec{"orig_gap_bytes", Field::kGapBytes, kOrig, FieldType::kBytes},
    FieldSpec{"resp_gap_bytes", Field::kGapBytes, kResp, FieldType::kBytes},
    FieldSpec{"duplicate_packets", Field::kDuplicatePackets, kAll, FieldType::kCount},
    FieldSpec{"orig_duplicate_packets", Field::kDuplicatePackets, kOrig, FieldType::kCount},
    FieldSpec{"resp_duplicate_packets", Field::kDuplicatePackets, kResp, FieldType::kCount},
    FieldSpec{"stored_packets", Field::kStoredPackets, kAll, FieldType::kCount},
    FieldSpec{"egress", Field::kEgress, kAll, FieldType::kBytes},
    FieldSpec{"ingress", Field::kIngress, kAll, FieldType::kBytes},
    FieldSpec{"orig_port", Field::kPort, kOrig, FieldType::kPort},
    FieldSpec{"resp_port", Field::kPort, kResp, FieldType::kPort},
    FieldSpec{"orig_ip", Field::kAddress, kOrig, FieldType::kAddress},
    FieldSpec{"resp_ip", Field::kAddress, kResp, FieldType::kAddress},
    FieldSpec{"tcp_flags", Field::kTcpFlags, kAll, FieldType::kTcpFlags},
    FieldSpec{"orig_tcp_flags", Field::kTcpFlags, kOrig, FieldType::kTcpFlags},
    FieldSpec{"resp_tcp_flags", Field::kTcpFlags, kResp, FieldType::kTcpFlags},
    FieldSpec{"ttl_min", Field::kTtlMin, kAll, FieldType::kCount},
    FieldSpec{"orig_ttl_min", Field::kTtlMin, kOrig, FieldType::kCount},
    FieldSpec{"resp_ttl_min", Field::kTtlMin, kResp, FieldType::kCount},
    FieldSpec{"ttl_max", Field::kTtlMax, kAll, FieldType::kCount},
    FieldSpec{"orig_ttl_max", Field::kTtlMax, kOrig, FieldType::kCount},
    FieldSpec{"resp_ttl_max", Field::kTtlMax, kResp, FieldType::kCount},
    FieldSpec{"seq", Field::kSeq, kAll, FieldType::kCount},
    FieldSpec{"final", Field::kFinal, kAll, FieldType::kBool},
    FieldSpec{"end_reason", Field::kEndReason, kAll, FieldType::kEndReason},
    FieldSpec{"orient_rule", Field::kOrientRule, kAll, FieldType::kOrientRule},
    FieldSpec{"orient_confidence", Field::kOrientConfidence, kAll, FieldType::kCount},
    FieldSpec{"conn_state", Field::kConnState, kAll, FieldType::kConnState},
    FieldSpec{"rtt_server", Field::kRttServer, kAll, FieldType::kDuration},
    FieldSpec{"rtt_client", Field::kRttClient, kAll, FieldType::kDuration},
    FieldSpec{"response_time", Field::kResponseTime, kAll, FieldType::kDuration},
    FieldSpec{"proto", Field::kProto, kAll, FieldType::kIpProto},
    FieldSpec{"worker", Field::kWorker, kAll, FieldType::kCount},
    FieldSpec{"vlan", Field::kVlan, kAll, FieldType::kVlan},
    FieldSpec{"vlans", Field::kVlan, kAll, FieldType::kVlan},
    FieldSpec{"tunnel", Field::kTunnel, kAll, FieldType::kTunnel},
    FieldSpec{"app", Field::kApp, kAll, FieldType::kApp},
    FieldSpec{"uid", Field::kUid, kAll, FieldType::kUid},
    FieldSpec{"parent_uid", Field::kParentUid, kAll, FieldType::kUid},
    FieldSpec{"community_id", Field::kCommunityId, kAll, FieldType::kCommunityId},
};

constexpr std::array<std::string_view, kFields.size()> kFieldNames = [] {
  std::array<std::string_view, kFields.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kFields[i].name;
  return names;
}();

// In the record's format, with and without orig_ and resp_, and no field of a filter yet.
constexpr std::array<std::string_view, 10> kUnrecorded = {"sni", "dns",         "tls",      "http", "history",
                                                          "pcr", "lost_during", "segments", "ja4",  "alpn"};

}  // namespace

const FieldSpec* find_field(std::string_view name) {
  const auto* const found =
      std::find_if(kFields.begin(), kFields.end(), [&](const FieldSpec& spec) { return spec.name == name; });
  return found == kFields.end() ? nullptr : found;
}

const FieldSpec& field_spec(Field field, Side side) {
  const auto* const found = std::find_if(kFields.begin(), kFields.end(), [&](const FieldSpec& spec) {
    return spec.field == field && spec.side == side;
  });
  TAPLINE_CHECK(found != kFields.end());
  return *found;
}

std::span<const std::string_view> field_names() {
  return kFieldNames;
}

bool is_unrecorded_field(std::string_view name) {
  name = name.substr(0, name.find('.'));  // dns.query, http.host
  if (name.starts_with("orig_") || name.starts_with("resp_")) name.remove_prefix(5);
  return std::find(kUnrecorded.begin(), kUnrecorded.end(), name) != kUnrecorded.end();
}

bool is_equality_only(FieldType type) {
  switch (type) {
    case FieldType::kAddress:
    case FieldType::kBool:
    case FieldType::kEndReason:
    case FieldType::kOrientRule:
    case FieldType::kConnState:
    case FieldType::kIpProto:
    case FieldType::kVlan:
    case FieldType::kTunnel:
    case FieldType::kApp:
    case FieldType::kUid:
    case FieldType::kCommunityId:
      return true;
    case FieldType::kCount:
    case FieldType::kBytes:
    case FieldType::kTime:
    case FieldType::kDuration:
    case FieldType::kPort:
    case FieldType::kTcpFlags:
      return false;
  }
  return false;
}

}  // namespace tapline::query
