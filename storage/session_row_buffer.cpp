#include "storage/session_row_buffer.hpp"

#include <algorithm>

#include "capture/base/check.hpp"
#include "storage/format.hpp"
#include "storage/signature_cells.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kUidTailBytes = 10;

std::uint64_t bits(TimeNs time_ns) {
  return static_cast<std::uint64_t>(time_ns);
}

/// What was counted since the record before. In the first record previous is foretold to be 0.
DirectionCounters since(const SessionRecord& record, const DirectionState& state) {
  return difference(record.seq > 0 ? state.total : DirectionCounters{}, state.previous);
}

bool quiet_since(const SessionRecord& record) {
  return record.seq > 0 && record.a_to_b.total.packets == record.a_to_b.previous.packets &&
         record.b_to_a.total.packets == record.b_to_a.previous.packets;
}

}  // namespace

// A cache line more than the rows, so that the cells of one row do not all fall into one set of the cache.
SessionRowBuffer::SessionRowBuffer(std::uint32_t rows_max)
    : rows_max_(rows_max), stride_(std::size_t{rows_max} + 8) {
  TAPLINE_CHECK(rows_max >= 1 && rows_max <= kRowGroupRowsMax);
  columns_.resize(stride_ * kSessionColumnCount);
  addresses_a_.resize(rows_max);
  addresses_b_.resize(rows_max);
  uid_tails_.resize(std::size_t{rows_max} * kUidTailBytes);
}

void SessionRowBuffer::append(const SessionRecord& record) {
  TAPLINE_DCHECK(!full());
  const Row row{columns_.data() + rows_, stride_};
  append_uid(row, record);
  append_times(row, record);
  addresses_a_[rows_] = record.key.address_a;
  addresses_b_[rows_] = record.key.address_b;
  row[kPortA] = record.key.port_a;
  row[kPortB] = record.key.port_b;
  row[kIpProto] = record.key.ip_proto;
  row[kKeyFlags] = record.key.flags;
  row[kLink] = record.key.link;
  row[kTunnelId] = record.key.tunnel_id;
  append_counters(row, record.key, kCountersA, kDuplicatesA, record.a_to_b.total);
  append_counters(row, record.key, kCountersB, kDuplicatesB, record.b_to_a.total);
  append_counters(row, record.key, kSinceA, kSinceDuplicatesA, since(record, record.a_to_b));
  append_counters(row, record.key, kSinceB, kSinceDuplicatesB, since(record, record.b_to_a));
  append_details(row, kDetailsA, record.a_to_b);
  append_details(row, kDetailsB, record.b_to_a);
  row[kUnstoredPackets] = record.unstored_packets;
  row[kMplsLabel] = record.mpls_label;
  row[kWorker] = record.worker;
  row[kEndReason] = static_cast<std::uint64_t>(record.end_reason);
  row[kOriginator] = static_cast<std::uint64_t>(record.originator);
  row[kOrientRule] = static_cast<std::uint64_t>(record.orient_rule);
  row[kOrientConfidence] = record.orient_confidence;
  row[kParentUid] = load_be64(record.parent_uid.bytes.data());
  row[kParentUid + 1] = load_be64(record.parent_uid.bytes.data() + 8);
  row[kApp] = static_cast<std::uint64_t>(record.app);
  append_tcp(row, record);

  const bool first_row = rows_ == 0;
  first_ns_ = first_row ? record.delta_first_ns : std::min(first_ns_, record.delta_first_ns);
  last_ns_ = first_row ? record.delta_last_ns : std::max(last_ns_, record.delta_last_ns);
  order_last_ns_ =
      first_row ? record.first_order.time_ns : std::max(order_last_ns_, record.first_order.time_ns);
  ++rows_;
}

void SessionRowBuffer::append_uid(Row row, const SessionRecord& record) {
  std::memcpy(uid_tails_.data() + std::size_t{rows_} * kUidTailBytes, record.uid.bytes.data() + 6,
              kUidTailBytes);
  const std::uint64_t ms = load_be64(record.uid.bytes.data()) >> 16;
  const std::uint64_t difference = ms - bits(floor_milliseconds(record.first_ns));
  // 48 bits, sign-extended: usually 0.
  row[kUidMs] = bits(static_cast<std::int64_t>(difference << 16) >> 16);
  row[kSeq] = record.seq;
}

void SessionRowBuffer::append_times(Row row, const SessionRecord& record) {
  const DirectionState& a = record.a_to_b;
  const DirectionState& b = record.b_to_a;
  const bool has_a = a.total.packets > 0;
  const bool has_b = b.total.packets > 0;
  const std::uint64_t first = bits(record.first_ns);
  const std::uint64_t turn = has_a && has_b ? bits(b.first_ns) - bits(a.first_ns) : 0;
  const std::uint64_t wait = static_cast<std::int64_t>(turn) < 0 ? 0 - turn : 0;  // of A for B
  const std::uint64_t leading = has_a ? bits(a.first_ns) : bits(b.first_ns);
  TimeNs latest = record.first_ns;
  if (has_a || has_b) latest = has_a ? a.last_ns : b.last_ns;
  if (has_a && has_b) latest = std::max(a.last_ns, b.last_ns);

  row[kFirst] = first;
  row[kFirstSkew] = has_a || has_b ? leading - (first + wait) : 0;
  row[kTurn] = turn;
  row[kASpan] = has_a ? bits(a.last_ns) - bits(a.first_ns) : 0;
  row[kBSpan] = has_b ? bits(b.last_ns) - bits(b.first_ns) : 0;
  row[kLastSkew] = bits(record.last_ns) - bits(latest);
  row[kDeltaFirst] = bits(record.delta_first_ns) - (quiet_since(record) ? bits(record.last_ns) : first);
  row[kDeltaLast] = bits(record.last_ns) - bits(record.delta_last_ns);
  row[kOrderTime] = bits(record.first_order.time_ns) - first;
  row[kOrderCount] = record.first_order.count;
}

void SessionRowBuffer::append_counters(Row row, const FlowKey& key, std::uint16_t column,
                                       std::uint16_t duplicates_column, const DirectionCounters& counters) {
  const std::uint64_t headers = header_bytes_foretold(key.ip_proto, key.flags);
  row[column] = counters.packets;
  row[column + 1u] = counters.frame_bytes;
  row[column + 2u] = counters.frame_bytes - counters.ip_bytes - kLinkBytesForetold * counters.packets;
  row[column + 3u] = counters.ip_bytes - counters.payload_bytes - headers * counters.packets;
  row[duplicates_column] = counters.duplicate_packets;
}

void SessionRowBuffer::append_details(Row row, std::uint16_t column, const DirectionState& state) {
  row[column] = state.tcp_flags_first;
  row[column + 1u] = state.tcp_flags_union;
  row[column + 2u] = state.ttl_min;
  row[column + 3u] = static_cast<std::uint8_t>(state.ttl_max - state.ttl_min);
  row[column + 4u] = state.vlan_outer;
  row[column + 5u] = state.vlan_inner;
}

void SessionRowBuffer::append_tcp(Row row, const SessionRecord& record) {
  const auto append_counters_of = [row](std::uint16_t column, const TcpCounters& tcp) {
    row[column] = tcp.retransmitted_packets;
    row[column + 1u] = tcp.retransmitted_bytes;
    row[column + 2u] = tcp.out_of_order_packets;
    row[column + 3u] = tcp.gap_bytes;
    row[column + 4u] = tcp.zero_windows;
  };
  append_counters_of(kTcpA, record.a_to_b.tcp);
  append_counters_of(kTcpB, record.b_to_a.tcp);
  row[kBadChecksumsA] = record.a_to_b.bad_checksums;
  row[kBadChecksumsB] = record.b_to_a.bad_checksums;
  row[kConnState] = static_cast<std::uint64_t>(record.conn_state);
  row[kFlipped] = record.flipped ? 1 : 0;
  row[kUntracked] = record.untracked ? 1 : 0;
  for (std::uint16_t i = 0; i < 3; ++i) row[kHistory + i] = record.history.words()[i];
  row[kRttServer] = bits(record.rtt_server_ns);
  row[kRttClient] = bits(record.rtt_client_ns);
  row[kResponse] = bits(record.response_ns);
  const bool a_opened = record.originator == Direction::kAToB;
  append_signature(row, kSyn, record.syn, (a_opened ? record.a_to_b : record.b_to_a).ttl_min);
  append_signature(row, kSynAck, record.syn_ack, (a_opened ? record.b_to_a : record.a_to_b).ttl_min);
}

void SessionRowBuffer::append_signature(Row row, std::uint16_t column, const SynSignature& signature,
                                        std::uint8_t ttl_foretold) {
  const SignatureCells cells = cells_of(signature, ttl_foretold);
  for (std::size_t i = 0; i < cells.size(); ++i) row[column + i] = cells[i];
}

Bytes SessionRowBuffer::take_group(TimeNs complete_until_ns) {
  builder_.begin(kKindSessions, rows_, complete_until_ns);
  for (const SessionColumnSpec& spec : kSessionColumns) {
    if (rows_ == 0) break;
    const ColumnSpec& column = spec.column;
    switch (column.type) {
      case ColumnType::kBytes:
        builder_.add_bytes(column, Bytes(uid_tails_).first(std::size_t{rows_} * kUidTailBytes));
        break;
      case ColumnType::kAddress:
        builder_.add_addresses(
            column, std::span(column.number == kAddressA ? addresses_a_ : addresses_b_).first(rows_));
        break;
      default:
        builder_.add(column, std::span(columns_).subspan((column.number - 1u) * stride_, rows_));
    }
  }
  rows_ = 0;
  first_ns_ = last_ns_ = order_last_ns_ = 0;
  return builder_.finish();
}

}  // namespace tapline::storage
