#include "tools/session_fields.hpp"

#include <algorithm>
#include <array>

#include "capture/packet/tunnel_id.hpp"
#include "storage/query/filter_evaluate.hpp"
#include "storage/query/filter_field.hpp"
#include "storage/query/filter_names.hpp"
#include "storage/query/filter_term.hpp"

namespace tapline::tools {
namespace {

constexpr std::uint8_t kTcp = 6;

using View = const SessionView&;
using Counter = std::uint64_t DirectionCounters::*;

std::uint64_t number(std::uint64_t value) {
  return value;
}

template <Counter member>
FieldValue orig_counter(View s) {
  return s.orig.total.*member;
}
template <Counter member>
FieldValue resp_counter(View s) {
  return s.resp.total.*member;
}
template <Counter member>
FieldValue both_counters(View s) {
  return s.orig.total.*member + s.resp.total.*member;
}

using TcpCounter = std::uint64_t TcpCounters::*;

/// Of a session whose segments were followed.
template <TcpCounter member>
FieldValue tcp_counter(View s, const DirectionState& direction) {
  if (!s.record.has_tcp_counters()) return Absent{};
  return number(direction.tcp.*member);
}
template <TcpCounter member>
FieldValue orig_tcp(View s) {
  return tcp_counter<member>(s, s.orig);
}
template <TcpCounter member>
FieldValue resp_tcp(View s) {
  return tcp_counter<member>(s, s.resp);
}

FieldValue history(View s) {
  std::string text = s.record.history.text(s.record.originator, s.record.flipped);
  if (text.empty() || text == "^") return Absent{};
  return text;
}

FieldValue signature(const SynSignature& signature, const SynSignature* syn) {
  if (!signature.exists()) return Absent{};
  return p0f_text(signature, syn);
}

FieldValue label(std::string_view text) {
  if (text.empty()) return Absent{};
  return std::string(text);
}

FieldValue os_client(View s) {
  if (s.context.os_labels == nullptr) return Absent{};
  return label(s.context.os_labels->of_syn(s.record.syn));
}

FieldValue os_server(View s) {
  if (s.context.os_labels == nullptr) return Absent{};
  return label(s.context.os_labels->of_syn_ack(s.record.syn_ack, &s.record.syn));
}

FieldValue round_trip(TimeNs ns) {
  if (ns == 0) return Absent{};
  return Span{static_cast<std::uint64_t>(ns)};
}

FieldValue tcp_flags(View s, const DirectionState& direction, std::uint8_t flags) {
  if (s.record.key.ip_proto != kTcp || direction.total.packets == 0) return Absent{};
  return TcpFlags{flags};
}

FieldValue ttl(const DirectionState& direction, std::uint8_t value) {
  if (direction.total.packets == 0) return Absent{};
  return number(value);
}

WireAddress address(View s, bool of_orig) {
  const FlowKey& key = s.record.key;
  return {of_orig == s.orig_is_a ? key.address_a : key.address_b, (key.flags & kKeyIpv6) != 0};
}

FieldValue port(View s, bool of_orig) {
  const FlowKey& key = s.record.key;
  if (!query::key_has_ports(key)) return Absent{};
  return number(of_orig == s.orig_is_a ? key.port_a : key.port_b);
}

/// `10.0.0.5:51000`, `[2001:db8::1]:443`, or the address alone.
FieldValue endpoint(View s, bool of_orig) {
  const WireAddress at = address(s, of_orig);
  std::string text = format_wire_address(at.address, at.ipv6);
  const FieldValue its_port = port(s, of_orig);
  const auto* number_of_port = std::get_if<std::uint64_t>(&its_port);
  if (number_of_port == nullptr) return text;
  if (text.find(':') != std::string::npos) text = "[" + text + "]";
  return text + ":" + std::to_string(*number_of_port);
}

FieldValue duration(View s) {
  return Span{static_cast<std::uint64_t>(s.record.last_ns) - static_cast<std::uint64_t>(s.record.first_ns)};
}

/// Outer then inner tags, of the originator's frames, then what only the responder's have.
FieldValue vlans(View s) {
  VlanList list;
  for (const std::uint16_t tag :
       {s.orig.vlan_outer, s.orig.vlan_inner, s.resp.vlan_outer, s.resp.vlan_inner}) {
    const auto end = list.ids.begin() + list.count;
    const auto id = static_cast<std::uint16_t>(tag - 1);
    if (tag == 0 || std::find(list.ids.begin(), end, id) != end) continue;
    list.ids[list.count++] = id;
  }
  return list;
}

FieldValue mpls_label(View s) {
  if (s.record.mpls_label == 0) return Absent{};
  return number(s.record.mpls_label - 1);
}

FieldValue app(View s) {
  if (s.record.app == App::kUnknown) return Absent{};
  return std::string(app_name(s.record.app));
}

FieldValue parent_uid(View s) {
  if (s.record.parent_uid == Uid{}) return Absent{};
  return s.record.parent_uid;
}

FieldValue community_id_of(View s) {
  return community_id(s.record.key, s.record.originator, s.context.community_id_seed);
}

/// Producer/consumer ratio (Bullard, Gerth: "PCR, a new flow metric", FloCon 2014) over payload bytes.
FieldValue pcr(View s) {
  const auto sent = static_cast<double>(s.orig.total.payload_bytes);
  const auto received = static_cast<double>(s.resp.total.payload_bytes);
  if (sent + received == 0) return Absent{};
  return (sent - received) / (sent + received);
}

FieldValue stored_packets(View s) {
  if (s.row.crosses_edge) return Absent{};  // only known for the whole session
  const std::uint64_t seen = s.orig.total.packets + s.resp.total.packets;
  return seen - std::min(seen, s.record.unstored_packets);
}

FieldValue expired_packets(View s) {
  if (s.context.packet_expiry == nullptr) return Absent{};
  return std::string(query::expired_packets_name(s.context.packet_expiry->of(s.record)));
}

FieldValue crosses_edge(View s) {
  if (!s.row.crosses_edge) return Absent{};
  return *s.row.crosses_edge;
}

constexpr bool kText = false;
constexpr bool kNumber = true;
constexpr bool kInRecord = true;
constexpr bool kOnDemand = false;
constexpr bool kNeedsOsLabels = true;

constexpr std::array kFields = {
    SessionField{"uid", kText, kInRecord, [](View s) -> FieldValue { return s.record.uid; },
                 "the session's name, from its first frame to its last"},
    SessionField{"seq", kNumber, kInRecord, [](View s) -> FieldValue { return number(s.record.seq); },
                 "number of the record within the session, from 0"},
    SessionField{"final", kText, kInRecord, [](View s) -> FieldValue { return s.record.final(); },
                 "the session has ended"},
    SessionField{"first", kText, kInRecord, [](View s) -> FieldValue { return Moment{s.record.first_ns}; },
                 "time of the first frame"},
    SessionField{"last", kText, kInRecord, [](View s) -> FieldValue { return Moment{s.record.last_ns}; },
                 "time of the last frame"},
    SessionField{"duration", kNumber, kInRecord, duration, "last less first, in seconds"},
    SessionField{"delta_first", kText, kOnDemand,
                 [](View s) -> FieldValue { return Moment{s.record.delta_first_ns}; },
                 "earliest frame since the record before; with --in-window of all records summed"},
    SessionField{"delta_last", kText, kOnDemand,
                 [](View s) -> FieldValue { return Moment{s.record.delta_last_ns}; },
                 "latest frame since the record before; with --in-window of all records summed"},
    SessionField{"proto", kText, kInRecord,
                 [](View s) -> FieldValue { return query::ip_proto_text(s.record.key.ip_proto); },
                 "IP protocol: tcp, udp, icmp, ..., or its number"},
    SessionField{"orig", kText, kOnDemand, [](View s) { return endpoint(s, true); },
                 "originator: address and port"},
    SessionField{"resp", kText, kOnDemand, [](View s) { return endpoint(s, false); },
                 "responder: address and port"},
    SessionField{"orig_ip", kText, kInRecord, [](View s) -> FieldValue { return address(s, true); },
                 "address of the originator"},
    SessionField{"orig_port", kNumber, kInRecord, [](View s) { return port(s, true); },
                 "port of the originator; ICMP: type"},
    SessionField{"resp_ip", kText, kInRecord, [](View s) -> FieldValue { return address(s, false); },
                 "address of the responder"},
    SessionField{"resp_port", kNumber, kInRecord, [](View s) { return port(s, false); },
                 "port of the responder; ICMP: type of the answer, or code"},
    SessionField{"packets", kNumber, kOnDemand, both_counters<&DirectionCounters::packets>,
                 "packets both ways"},
    SessionField{"frame_bytes", kNumber, kOnDemand, both_counters<&DirectionCounters::frame_bytes>,
                 "frame bytes both ways"},
    SessionField{"ip_bytes", kNumber, kOnDemand, both_counters<&DirectionCounters::ip_bytes>,
                 "IP bytes both ways"},
    SessionField{"payload_bytes", kNumber, kOnDemand, both_counters<&DirectionCounters::payload_bytes>,
                 "payload bytes both ways"},
    SessionField{
        "egress", kNumber, kOnDemand,
        [](View s) -> FieldValue { return query::crossing_bytes(s.record, s.context.home_nets, true); },
        "IP bytes that left the home networks (--home-net)"},
    SessionField{
        "ingress", kNumber, kOnDemand,
        [](View s) -> FieldValue { return query::crossing_bytes(s.record, s.context.home_nets, false); },
        "IP bytes that came into the home networks"},
    SessionField{"orig_packets", kNumber, kInRecord, orig_counter<&DirectionCounters::packets>,
                 "packets of the originator"},
    SessionField{"orig_frame_bytes", kNumber, kInRecord, orig_counter<&DirectionCounters::frame_bytes>,
                 "bytes of its frames as on the wire"},
    SessionField{"orig_ip_bytes", kNumber, kInRecord, orig_counter<&DirectionCounters::ip_bytes>,
                 "bytes of its IP packets, headers included"},
    SessionField{"orig_payload_bytes", kNumber, kInRecord, orig_counter<&DirectionCounters::payload_bytes>,
                 "bytes of its transport payload, retransmissions included"},
    SessionField{"orig_app_bytes", kNumber, kInRecord,
                 [](View s) -> FieldValue { return number(s.orig.app_bytes()); },
                 "its payload bytes less retransmissions"},
    SessionField{"orig_retransmitted_packets", kNumber, kInRecord,
                 orig_tcp<&TcpCounters::retransmitted_packets>,
                 "its TCP segments whose payload had all been seen"},
    SessionField{"orig_out_of_order_packets", kNumber, kInRecord,
                 orig_tcp<&TcpCounters::out_of_order_packets>, "its TCP segments that filled a gap"},
    SessionField{"orig_gap_bytes", kNumber, kInRecord, orig_tcp<&TcpCounters::gap_bytes>,
                 "bytes of its TCP stream that the other side acknowledged and that were never seen"},
    SessionField{"orig_duplicate_packets", kNumber, kInRecord,
                 orig_counter<&DirectionCounters::duplicate_packets>,
                 "copies of its packets that the tap showed; no other field counts them"},
    SessionField{"orig_bad_checksums", kNumber, kInRecord,
                 [](View s) -> FieldValue { return number(s.orig.bad_checksums); },
                 "its packets with a wrong checksum of IPv4, TCP, UDP or ICMP, counted like any other"},
    SessionField{"orig_zero_windows", kNumber, kOnDemand, orig_tcp<&TcpCounters::zero_windows>,
                 "its TCP segments that closed the window"},
    SessionField{"orig_tcp_flags", kText, kInRecord,
                 [](View s) { return tcp_flags(s, s.orig, s.orig.tcp_flags_union); },
                 "union of its TCP flags, letters of FSRPAUEC; 0: none"},
    SessionField{"orig_tcp_flags_first", kText, kOnDemand,
                 [](View s) { return tcp_flags(s, s.orig, s.orig.tcp_flags_first); },
                 "TCP flags of its first segment"},
    SessionField{"orig_ttl_min", kNumber, kInRecord, [](View s) { return ttl(s.orig, s.orig.ttl_min); },
                 "least TTL or hop limit of its packets"},
    SessionField{"orig_ttl_max", kNumber, kInRecord, [](View s) { return ttl(s.orig, s.orig.ttl_max); },
                 "greatest TTL or hop limit of its packets"},
    SessionField{"resp_packets", kNumber, kInRecord, resp_counter<&DirectionCounters::packets>,
                 "packets of the responder; the others as of the originator"},
    SessionField{"resp_frame_bytes", kNumber, kInRecord, resp_counter<&DirectionCounters::frame_bytes>, ""},
    SessionField{"resp_ip_bytes", kNumber, kInRecord, resp_counter<&DirectionCounters::ip_bytes>, ""},
    SessionField{"resp_payload_bytes", kNumber, kInRecord, resp_counter<&DirectionCounters::payload_bytes>,
                 ""},
    SessionField{"resp_app_bytes", kNumber, kInRecord,
                 [](View s) -> FieldValue { return number(s.resp.app_bytes()); }, ""},
    SessionField{"resp_retransmitted_packets", kNumber, kInRecord,
                 resp_tcp<&TcpCounters::retransmitted_packets>, ""},
    SessionField{"resp_out_of_order_packets", kNumber, kInRecord,
                 resp_tcp<&TcpCounters::out_of_order_packets>, ""},
    SessionField{"resp_gap_bytes", kNumber, kInRecord, resp_tcp<&TcpCounters::gap_bytes>, ""},
    SessionField{"resp_duplicate_packets", kNumber, kInRecord,
                 resp_counter<&DirectionCounters::duplicate_packets>, ""},
    SessionField{"resp_bad_checksums", kNumber, kInRecord,
                 [](View s) -> FieldValue { return number(s.resp.bad_checksums); }, ""},
    SessionField{"resp_zero_windows", kNumber, kOnDemand, resp_tcp<&TcpCounters::zero_windows>, ""},
    SessionField{"resp_tcp_flags", kText, kInRecord,
                 [](View s) { return tcp_flags(s, s.resp, s.resp.tcp_flags_union); }, ""},
    SessionField{"resp_tcp_flags_first", kText, kOnDemand,
                 [](View s) { return tcp_flags(s, s.resp, s.resp.tcp_flags_first); }, ""},
    SessionField{"resp_ttl_min", kNumber, kInRecord, [](View s) { return ttl(s.resp, s.resp.ttl_min); }, ""},
    SessionField{"resp_ttl_max", kNumber, kInRecord, [](View s) { return ttl(s.resp, s.resp.ttl_max); }, ""},
    SessionField{"conn_state", kText, kInRecord,
                 [](View s) -> FieldValue { return std::string(conn_state_name(s.record.conn_state)); },
                 "how it went, as in Zeek: S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH"},
    SessionField{
        "history", kText, kInRecord, history,
        "what happened in order, as in Zeek: shadfrgtwiqc; upper case: by the originator; ^: turned round"},
    SessionField{"rtt_server", kNumber, kInRecord, [](View s) { return round_trip(s.record.rtt_server_ns); },
                 "seconds from SYN to SYN-ACK"},
    SessionField{"rtt_client", kNumber, kInRecord, [](View s) { return round_trip(s.record.rtt_client_ns); },
                 "seconds from SYN-ACK to ACK"},
    SessionField{"response_time", kNumber, kInRecord, [](View s) { return round_trip(s.record.response_ns); },
                 "seconds from the first request to the first byte of the answer"},
    SessionField{"syn_signature", kText, kInRecord, [](View s) { return signature(s.record.syn, nullptr); },
                 "what its first SYN tells about its system, as p0f's raw_sig"},
    SessionField{"syn_ack_signature", kText, kInRecord,
                 [](View s) { return signature(s.record.syn_ack, &s.record.syn); },
                 "what its first SYN+ACK tells"},
    SessionField{"os_client", kText, kOnDemand, os_client,
                 "the system that sent the SYN, or the program, as /etc/p0f/p0f.fp (package p0f) names it",
                 kNeedsOsLabels},
    SessionField{"os_server", kText, kOnDemand, os_server, "the system that sent the SYN+ACK",
                 kNeedsOsLabels},
    SessionField{"end_reason", kText, kInRecord,
                 [](View s) -> FieldValue { return std::string(end_reason_name(s.record.end_reason)); },
                 "open: it goes on; idle, finished, reset, reused, evicted, shutdown, recovered"},
    SessionField{"orient_rule", kText, kInRecord,
                 [](View s) -> FieldValue { return std::string(orient_rule_name(s.record.orient_rule)); },
                 "how the originator was found: syn, syn_ack, icmp_type, multicast, remembered, "
                 "application, port, first_packet"},
    SessionField{"orient_confidence", kNumber, kInRecord,
                 [](View s) -> FieldValue { return number(s.record.orient_confidence); },
                 "and how sure that is, in percent"},
    SessionField{"vlans", kText, kInRecord, vlans, "VLAN ids, outer first"},
    SessionField{"mpls_label", kNumber, kInRecord, mpls_label, "MPLS label of the first labelled frame"},
    SessionField{"app", kText, kInRecord, app,
                 "protocol that the first payload of either side shows: tls, http, dns, ..."},
    SessionField{"tunnel", kText, kInRecord,
                 [](View s) { return label(format_tunnel_id(s.record.key.tunnel_id)); },
                 "tunnel that it was found in, and its number: vxlan:42, gtpu, ip, ..."},
    SessionField{"parent_uid", kText, kInRecord, parent_uid,
                 "uid of the session that carried its first packet"},
    SessionField{"community_id", kText, kInRecord, community_id_of,
                 "Community ID v1; its seed: --community-id-seed"},
    SessionField{"pcr", kNumber, kInRecord, pcr,
                 "producer/consumer ratio by payload bytes: 1 all from the originator, -1 all to it"},
    SessionField{"stored_packets", kNumber, kInRecord, stored_packets,
                 "packets that were wholly stored; expired_packets tells whether they still are"},
    SessionField{"expired_packets", kText, kInRecord, expired_packets,
                 "of the stored packets, what the ring has dropped since: none, some, all, unknown"},
    SessionField{"worker", kNumber, kInRecord, [](View s) -> FieldValue { return number(s.record.worker); },
                 "worker that tracked it"},
    SessionField{"link", kNumber, kInRecord, [](View s) -> FieldValue { return number(s.record.key.link); },
                 "link (tap) that it was seen on"},
    SessionField{"crosses_edge", kText, kInRecord, crosses_edge,
                 "--in-window: some of what was summed lies outside of the window"},
};

constexpr std::string_view kTableFields =
    "first,duration,proto,orig,resp,orig_packets,resp_packets,orig_payload_bytes,resp_payload_bytes,"
    "orig_ip_bytes,resp_ip_bytes,end_reason,uid";

Error unknown_field(std::string_view name, std::string_view what) {
  if (query::is_unrecorded_field(name)) {
    return {ErrorCode::kInvalid, fmt::format("{}: '{}' is not measured yet", what, name)};
  }
  std::string known;
  for (const SessionField& field : kFields) {
    known += (known.empty() ? "" : ", ");
    known += field.name;
  }
  return {ErrorCode::kInvalid,
          fmt::format("{}: '{}' is no field; there are {} (--fields help explains them)", what, name, known)};
}

}  // namespace

SessionView::SessionView(const SessionRow& its_row, const FieldContext& its_context)
    : row(its_row),
      context(its_context),
      record(*its_row.record),
      orig_is_a(record.originator == Direction::kAToB),
      orig(orig_is_a ? record.a_to_b : record.b_to_a),
      resp(orig_is_a ? record.b_to_a : record.a_to_b) {}

std::span<const SessionField> session_fields() {
  return kFields;
}

const SessionField* find_session_field(std::string_view name) {
  const auto* const found = std::ranges::find(kFields, name, &SessionField::name);
  return found == kFields.end() ? nullptr : found;
}

std::vector<std::string_view> split_list(std::string_view list) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<FieldList> parse_fields(std::string_view list, std::string_view what) {
  FieldList fields;
  for (const std::string_view name : split_list(list)) {
    const SessionField* field = find_session_field(name);
    if (field == nullptr) return unknown_field(name, what);
    fields.push_back(field);
  }
  return fields;
}

FieldList default_fields(RowFormat format) {
  if (format == RowFormat::kTable) return *parse_fields(kTableFields, "--fields");
  FieldList fields;
  for (const SessionField& field : kFields) {
    if (field.in_record) fields.push_back(&field);
  }
  return fields;
}

std::vector<Column> columns_of(const FieldList& fields) {
  std::vector<Column> columns;
  for (const SessionField* field : fields) columns.push_back({field->name, field->is_number});
  return columns;
}

}  // namespace tapline::tools
