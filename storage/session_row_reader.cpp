#include "storage/session_row_reader.hpp"

#include <algorithm>

#include "storage/format.hpp"
#include "storage/signature_cells.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kUidTailBytes = 10;

TimeNs time_of(std::uint64_t bits) {
  return static_cast<TimeNs>(bits);
}

bool any_above(std::span<const std::uint64_t> values, unsigned bits) {
  std::uint64_t seen = 0;
  for (const std::uint64_t value : values) seen |= value;
  return bits < 64 && seen >> bits != 0;
}

}  // namespace

SessionRowReader::SessionRowReader()
    : cursors_(kSessionColumnCount), cells_(kSessionColumnCount), records_(kBatchRows) {}

Status SessionRowReader::open(Bytes group, std::uint8_t fields) {
  rows_ = rows_read_ = 0;
  const Result<RowGroupView> view = RowGroupView::parse(group);
  if (!view) return view.error();
  if (view->header().schema != kKindSessions)
    return Error{ErrorCode::kCorrupt, "row group: not of session records"};
  fields_ = fields;
  complete_until_ns_ = view->header().complete_until_ns;
  std::ranges::fill(records_, SessionRecord{});
  for (const SessionColumnSpec& spec : kSessionColumns) {
    if ((spec.needed_for & fields) != 0) TAPLINE_TRY(open_column(*view, spec.column));
  }
  rows_ = view->rows();
  return {};
}

Status SessionRowReader::open_column(const RowGroupView& view, const ColumnSpec& spec) {
  if (spec.type == ColumnType::kAddress) {
    return view.open_addresses(spec, spec.number == kAddressA ? address_a_cursor_ : address_b_cursor_);
  }
  if (spec.type == ColumnType::kBytes) {
    const Result<Bytes> tails = view.fixed_bytes(spec);
    if (!tails) return tails.error();
    uid_tails_ = *tails;
    return {};
  }
  return view.open(spec, cursors_[spec.number - 1u]);
}

Result<std::span<const SessionRecord>> SessionRowReader::next() {
  const std::uint32_t count = std::min(kBatchRows, rows_ - rows_read_);
  if (count == 0) return std::span<const SessionRecord>{};
  if (Status decoded = decode_columns(count); !decoded) {
    rows_read_ = rows_;
    return decoded.error();
  }
  if ((fields_ & kFieldsIdentity) != 0) fill_identity(count);
  if ((fields_ & kFieldsTimes) != 0) fill_times(count);
  if ((fields_ & kFieldsKey) != 0) fill_key(count);
  if ((fields_ & kFieldsCounters) != 0) fill_counters(count);
  if ((fields_ & kFieldsPrevious) != 0) fill_previous(count);
  if ((fields_ & kFieldsDetails) != 0) fill_details(count);
  if ((fields_ & kFieldsTcp) != 0) fill_tcp(count);
  rows_read_ += count;
  return std::span<const SessionRecord>(records_).first(count);
}

Status SessionRowReader::decode_columns(std::uint32_t count) {
  for (const SessionColumnSpec& spec : kSessionColumns) {
    if ((spec.needed_for & fields_) != 0) TAPLINE_TRY(decode_column(spec.column, count));
  }
  return {};
}

Status SessionRowReader::decode_column(const ColumnSpec& spec, std::uint32_t count) {
  if (spec.type == ColumnType::kBytes) return {};
  if (spec.type == ColumnType::kAddress) {
    const bool is_a = spec.number == kAddressA;
    AddressCursor& cursor = is_a ? address_a_cursor_ : address_b_cursor_;
    if (!cursor.next(std::span(is_a ? addresses_a_ : addresses_b_).first(count))) {
      return column_error(spec, "damaged");
    }
    return {};
  }
  ColumnCursor& cursor = cursors_[spec.number - 1u];
  if (cursor.constant() && rows_read_ > 0) return {};  // the batch before filled all cells that are needed
  const std::span<std::uint64_t> values = std::span(cells_[spec.number - 1u]).first(count);
  if (!cursor.next(values)) return column_error(spec, "damaged");
  if (any_above(values, spec.bits)) return column_error(spec, "value out of bounds");
  return {};
}

void SessionRowReader::fill_identity(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    Uid& uid = records_[i].uid;
    const std::uint64_t first_ms = static_cast<std::uint64_t>(floor_milliseconds(time_of(cells(kFirst)[i])));
    store_be64(uid.bytes.data(), (first_ms + cells(kUidMs)[i]) << 16);
    if (!uid_tails_.empty()) {
      const std::size_t row = rows_read_ + i;
      std::memcpy(uid.bytes.data() + 6, uid_tails_.data() + row * kUidTailBytes, kUidTailBytes);
    }
    records_[i].seq = static_cast<std::uint32_t>(cells(kSeq)[i]);
  }
}

void SessionRowReader::fill_times(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    SessionRecord& record = records_[i];
    const bool has_a = cells(kCountersA)[i] > 0;
    const bool has_b = cells(kCountersB)[i] > 0;
    const std::uint64_t first = cells(kFirst)[i];
    const std::uint64_t turn = cells(kTurn)[i];
    const std::uint64_t wait = static_cast<std::int64_t>(turn) < 0 ? 0 - turn : 0;
    const std::uint64_t leading = first + wait + cells(kFirstSkew)[i];
    const std::uint64_t first_b = has_a ? leading + turn : leading;
    record.first_ns = time_of(first);
    record.a_to_b.first_ns = has_a ? time_of(leading) : 0;
    record.a_to_b.last_ns = has_a ? time_of(leading + cells(kASpan)[i]) : 0;
    record.b_to_a.first_ns = has_b ? time_of(first_b) : 0;
    record.b_to_a.last_ns = has_b ? time_of(first_b + cells(kBSpan)[i]) : 0;
    TimeNs latest = record.first_ns;
    if (has_a || has_b) latest = has_a ? record.a_to_b.last_ns : record.b_to_a.last_ns;
    if (has_a && has_b) latest = std::max(record.a_to_b.last_ns, record.b_to_a.last_ns);
    const std::uint64_t last = static_cast<std::uint64_t>(latest) + cells(kLastSkew)[i];
    record.last_ns = time_of(last);
    const bool quiet = cells(kSeq)[i] > 0 && cells(kSinceA)[i] == 0 && cells(kSinceB)[i] == 0;
    record.delta_first_ns = time_of((quiet ? last : first) + cells(kDeltaFirst)[i]);
    record.delta_last_ns = time_of(last - cells(kDeltaLast)[i]);
    record.first_order.time_ns = time_of(first + cells(kOrderTime)[i]);
    record.first_order.count = static_cast<std::uint32_t>(cells(kOrderCount)[i]);
  }
}

void SessionRowReader::fill_key(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    FlowKey& key = records_[i].key;
    key.address_a = addresses_a_[i];
    key.address_b = addresses_b_[i];
    key.port_a = static_cast<std::uint16_t>(cells(kPortA)[i]);
    key.port_b = static_cast<std::uint16_t>(cells(kPortB)[i]);
    key.ip_proto = static_cast<std::uint8_t>(cells(kIpProto)[i]);
    key.flags = static_cast<std::uint8_t>(cells(kKeyFlags)[i]);
    key.link = static_cast<std::uint16_t>(cells(kLink)[i]);
    key.tunnel_id = static_cast<std::uint32_t>(cells(kTunnelId)[i]);
  }
}

DirectionCounters SessionRowReader::counters_at(std::uint16_t column, std::uint16_t duplicates_column,
                                                std::uint32_t row) const {
  const std::uint64_t headers = header_bytes_foretold(static_cast<std::uint8_t>(cells(kIpProto)[row]),
                                                      static_cast<std::uint8_t>(cells(kKeyFlags)[row]));
  DirectionCounters counters;
  counters.packets = cells(column)[row];
  counters.frame_bytes = cells(column + 1u)[row];
  counters.ip_bytes = counters.frame_bytes - cells(column + 2u)[row] - kLinkBytesForetold * counters.packets;
  counters.payload_bytes = counters.ip_bytes - cells(column + 3u)[row] - headers * counters.packets;
  counters.duplicate_packets = cells(duplicates_column)[row];
  return counters;
}

void SessionRowReader::fill_counters(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    records_[i].a_to_b.total = counters_at(kCountersA, kDuplicatesA, i);
    records_[i].b_to_a.total = counters_at(kCountersB, kDuplicatesB, i);
    records_[i].unstored_packets = cells(kUnstoredPackets)[i];
  }
}

void SessionRowReader::fill_previous(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool first = cells(kSeq)[i] == 0;
    const DirectionCounters total_a = first ? DirectionCounters{} : counters_at(kCountersA, kDuplicatesA, i);
    const DirectionCounters total_b = first ? DirectionCounters{} : counters_at(kCountersB, kDuplicatesB, i);
    records_[i].a_to_b.previous = difference(total_a, counters_at(kSinceA, kSinceDuplicatesA, i));
    records_[i].b_to_a.previous = difference(total_b, counters_at(kSinceB, kSinceDuplicatesB, i));
  }
}

void SessionRowReader::fill_details(std::uint32_t count) {
  const auto fill_direction = [this](std::uint32_t i, std::uint16_t column, DirectionState& state) {
    state.tcp_flags_first = static_cast<std::uint8_t>(cells(column)[i]);
    state.tcp_flags_union = static_cast<std::uint8_t>(cells(column + 1u)[i]);
    state.ttl_min = static_cast<std::uint8_t>(cells(column + 2u)[i]);
    state.ttl_max = static_cast<std::uint8_t>(state.ttl_min + cells(column + 3u)[i]);
    state.vlan_outer = static_cast<std::uint16_t>(cells(column + 4u)[i]);
    state.vlan_inner = static_cast<std::uint16_t>(cells(column + 5u)[i]);
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    SessionRecord& record = records_[i];
    fill_direction(i, kDetailsA, record.a_to_b);
    fill_direction(i, kDetailsB, record.b_to_a);
    record.mpls_label = static_cast<std::uint32_t>(cells(kMplsLabel)[i]);
    record.worker = static_cast<std::uint16_t>(cells(kWorker)[i]);
    record.end_reason = static_cast<EndReason>(cells(kEndReason)[i]);
    record.originator = static_cast<Direction>(cells(kOriginator)[i]);
    record.orient_rule = static_cast<OrientRule>(cells(kOrientRule)[i]);
    record.orient_confidence = static_cast<std::uint8_t>(cells(kOrientConfidence)[i]);
    store_be64(record.parent_uid.bytes.data(), cells(kParentUid)[i]);
    store_be64(record.parent_uid.bytes.data() + 8, cells(kParentUid + 1)[i]);
    record.app = static_cast<App>(cells(kApp)[i]);
  }
}

void SessionRowReader::fill_tcp(std::uint32_t count) {
  const auto counters_of = [this](std::uint16_t column, std::uint32_t i) {
    return TcpCounters{cells(column)[i], cells(column + 1u)[i], cells(column + 2u)[i], cells(column + 3u)[i],
                       cells(column + 4u)[i]};
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    SessionRecord& record = records_[i];
    record.a_to_b.tcp = counters_of(kTcpA, i);
    record.b_to_a.tcp = counters_of(kTcpB, i);
    record.a_to_b.bad_checksums = static_cast<std::uint32_t>(cells(kBadChecksumsA)[i]);
    record.b_to_a.bad_checksums = static_cast<std::uint32_t>(cells(kBadChecksumsB)[i]);
    record.conn_state = static_cast<ConnState>(cells(kConnState)[i]);
    record.flipped = cells(kFlipped)[i] != 0;
    record.untracked = cells(kUntracked)[i] != 0;
    record.history = History::of_words({cells(kHistory)[i], cells(kHistory + 1)[i], cells(kHistory + 2)[i]});
    record.rtt_server_ns = time_of(cells(kRttServer)[i]);
    record.rtt_client_ns = time_of(cells(kRttClient)[i]);
    record.response_ns = time_of(cells(kResponse)[i]);
    const bool a_opened = cells(kOriginator)[i] == 0;
    const std::uint8_t ttl_a = static_cast<std::uint8_t>(cells(kDetailsA + 2)[i]);
    const std::uint8_t ttl_b = static_cast<std::uint8_t>(cells(kDetailsB + 2)[i]);
    record.syn = signature_at(kSyn, i, a_opened ? ttl_a : ttl_b);
    record.syn_ack = signature_at(kSynAck, i, a_opened ? ttl_b : ttl_a);
  }
}

SynSignature SessionRowReader::signature_at(std::uint16_t column, std::uint32_t row,
                                            std::uint8_t ttl_foretold) const {
  SignatureCells cells_of_row;
  for (std::size_t i = 0; i < cells_of_row.size(); ++i)
    cells_of_row[i] = cells(static_cast<std::uint16_t>(column + i))[row];
  return signature_of(cells_of_row, ttl_foretold);
}

}  // namespace tapline::storage
