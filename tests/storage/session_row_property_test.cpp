// Session records through a row group and back, against the records themselves.

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "storage/format.hpp"
#include "storage/session_row_buffer.hpp"
#include "storage/session_row_reader.hpp"
#include "tests/storage/session_samples.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint64_t kSeed = 20'261'122;

std::vector<SessionRecord> make_records(std::size_t count, bool extreme) {
  SessionSamples samples(kSeed + count);
  std::vector<SessionRecord> records;
  for (std::size_t i = 0; i < count; ++i)
    records.push_back(extreme ? samples.extreme() : samples.plausible());
  return records;
}

ByteBuffer encode(const std::vector<SessionRecord>& records, TimeNs complete_until_ns = 0) {
  SessionRowBuffer buffer(static_cast<std::uint32_t>(std::max<std::size_t>(records.size(), 1)));
  for (const SessionRecord& record : records) buffer.append(record);
  const Bytes group = buffer.take_group(complete_until_ns);
  return {group.begin(), group.end()};
}

/// All records, or what was read before the damage.
std::vector<SessionRecord> decode(Bytes group, std::uint8_t fields, bool& whole) {
  SessionRowReader reader;
  std::vector<SessionRecord> records;
  whole = false;
  if (!reader.open(group, fields)) return records;
  while (true) {
    const auto batch = reader.next();
    if (!batch) return records;
    if (batch->empty()) break;
    records.insert(records.end(), batch->begin(), batch->end());
  }
  whole = true;
  return records;
}

void require_same(const std::vector<SessionRecord>& read, const std::vector<SessionRecord>& written) {
  REQUIRE(read.size() == written.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (!same_record(read[i], written[i])) FAIL("record " << i << " of " << read.size() << " differs");
  }
}

}  // namespace

TEST_CASE("session records survive, plausible and extreme") {
  INFO("seed " << kSeed);
  for (const bool extreme : {false, true}) {
    for (const std::size_t count : {0u, 1u, 2u, 255u, 256u, 257u, 1000u, 4096u}) {
      INFO("extreme " << extreme << ", count " << count);
      const auto records = make_records(count, extreme);
      bool whole = false;
      const auto read = decode(encode(records), kFieldsAll, whole);
      REQUIRE(whole);
      require_same(read, records);
    }
  }
}

TEST_CASE("the same record thousands of times takes next to nothing") {
  const std::vector<SessionRecord> records(4096, make_records(1, true).front());
  const ByteBuffer group = encode(records);
  CHECK(group.size() < 4096 * 10 + 2048);  // the uids' last 10 bytes are stored as they are
  bool whole = false;
  require_same(decode(group, kFieldsAll, whole), records);
  REQUIRE(whole);
}

TEST_CASE("plausible records take less than 45 bytes before compression") {
  const ByteBuffer group = encode(make_records(4096, false));
  INFO(group.size() / 4096.0 << " bytes a record");
  CHECK(group.size() < 4096 * 45);
}

TEST_CASE("the same rows give the same bytes, from a new buffer and from one used before") {
  const auto records = make_records(700, false);
  const ByteBuffer first = encode(records, 5);
  SessionRowBuffer used(1000);
  for (const SessionRecord& record : make_records(1000, true)) used.append(record);
  static_cast<void>(used.take_group(0));
  for (const SessionRecord& record : records) used.append(record);
  const Bytes again = used.take_group(5);
  CHECK(std::ranges::equal(first, again));
}

TEST_CASE("fields can be read alone and agree with the whole") {
  for (const bool extreme : {false, true}) {
    const auto records = make_records(600, extreme);
    const ByteBuffer group = encode(records);
    for (unsigned fields = 0; fields <= kFieldsAll; ++fields) {
      bool whole = false;
      const auto read = decode(group, static_cast<std::uint8_t>(fields), whole);
      REQUIRE(whole);
      REQUIRE(read.size() == records.size());
      for (std::size_t i = 0; i < read.size(); ++i) {
        SessionRecord expected;
        const SessionRecord& r = records[i];
        if (fields & kFieldsIdentity) expected.uid = r.uid, expected.seq = r.seq;
        if (fields & kFieldsKey) expected.key = r.key;
        if (fields & kFieldsTimes) {
          expected.first_ns = r.first_ns, expected.last_ns = r.last_ns, expected.first_order = r.first_order;
          expected.delta_first_ns = r.delta_first_ns, expected.delta_last_ns = r.delta_last_ns;
        }
        for (auto side : {&SessionRecord::a_to_b, &SessionRecord::b_to_a}) {
          DirectionState& state = expected.*side;
          if (fields & kFieldsDetails) {
            state = r.*side;
            state.total = state.previous = {};
            state.first_ns = state.last_ns = 0;
            state.tcp = {};
            state.bad_checksums = 0;
          }
          if (fields & kFieldsTcp) state.tcp = (r.*side).tcp, state.bad_checksums = (r.*side).bad_checksums;
          if (fields & kFieldsTimes) state.first_ns = (r.*side).first_ns, state.last_ns = (r.*side).last_ns;
          if (fields & kFieldsCounters) state.total = (r.*side).total;
          if (fields & kFieldsPrevious) state.previous = (r.*side).previous;
        }
        if (fields & kFieldsCounters) expected.unstored_packets = r.unstored_packets;
        if (fields & kFieldsDetails) {
          expected.mpls_label = r.mpls_label, expected.worker = r.worker, expected.end_reason = r.end_reason;
          expected.originator = r.originator, expected.orient_rule = r.orient_rule;
          expected.orient_confidence = r.orient_confidence;
        }
        if (fields & kFieldsTcp) {
          expected.conn_state = r.conn_state, expected.flipped = r.flipped, expected.untracked = r.untracked;
          expected.history = r.history, expected.rtt_server_ns = r.rtt_server_ns;
          expected.rtt_client_ns = r.rtt_client_ns, expected.response_ns = r.response_ns;
          expected.syn = r.syn, expected.syn_ack = r.syn_ack;
        }
        if (!same_record(read[i], expected)) FAIL("fields " << fields << ", record " << i);
      }
    }
  }
}

TEST_CASE("a damaged group of session records is refused or yields no more than its rows") {
  const auto records = make_records(40, false);
  const ByteBuffer group = encode(records);
  bool whole = false;
  for (std::size_t cut = 0; cut < group.size(); ++cut) {
    const ByteBuffer part(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(cut));
    if (!decode(part, kFieldsAll, whole).empty() || whole) FAIL("cut to " << cut << " was read");
  }
  for (std::size_t bit = 0; bit < group.size() * 8; ++bit) {
    ByteBuffer flipped = group;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const std::size_t rows = decode(flipped, kFieldsAll, whole).size();
    if (rows > kRowGroupRowsMax) FAIL("bit " << bit << ": " << rows << " rows");
  }
}

TEST_CASE("a value that its field cannot hold is damage") {
  RowGroupBuilder builder;
  builder.begin(kKindSessions, 1, 0);
  std::vector<std::uint64_t> port{65536};
  ColumnSpec spec = session_column(kPortA);
  builder.add(spec, port);
  SessionRowReader reader;
  REQUIRE(reader.open(builder.finish(), kFieldsKey).ok());
  const auto batch = reader.next();
  REQUIRE_FALSE(batch.ok());
  CHECK(batch.error().context.find("port_a") != std::string::npos);
  CHECK(reader.next()->empty());
}

TEST_CASE("a group with rows and no columns reads as records of defaults") {
  RowGroupBuilder builder;
  builder.begin(kKindSessions, 300, 9);
  bool whole = false;
  const ByteBuffer group = [&] {
    const Bytes bytes = builder.finish();
    return ByteBuffer(bytes.begin(), bytes.end());
  }();
  const auto read = decode(group, kFieldsAll, whole);
  REQUIRE(whole);
  require_same(read, std::vector<SessionRecord>(300));
}

TEST_CASE("a group of another schema is refused") {
  RowGroupBuilder builder;
  builder.begin(kKindLedger, 0, 0);
  SessionRowReader reader;
  CHECK(reader.open(builder.finish(), kFieldsAll).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("numbers and names of session columns are unique, in order, and explained") {
  std::set<std::string> names;
  std::uint16_t number = 0;
  for (const SessionColumnSpec& spec : kSessionColumns) {
    CHECK(spec.column.number == ++number);
    CHECK(names.insert(spec.column.name).second);
    CHECK(std::string(spec.column.help).size() > 4);
    CHECK(spec.needed_for != 0);
  }
}

TEST_CASE("bytes on disk do not change unnoticed") {
  // FORMAT.md describes these bytes: whoever changes them makes files of earlier releases unreadable.
  SessionRecord record;
  record.uid.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  record.key.address_a = IpAddress::from_v4(0x0a000001);
  record.key.address_b = IpAddress::from_v4(0xcb007109);
  record.key.port_a = 51000;
  record.key.port_b = 443;
  record.key.ip_proto = 6;
  record.first_ns = record.delta_first_ns = record.first_order.time_ns = record.a_to_b.first_ns = 1000;
  record.last_ns = record.delta_last_ns = record.a_to_b.last_ns = 5000;
  record.a_to_b.total = {2, 120, 92, 12};
  const ByteBuffer group = encode({record}, 77);
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  REQUIRE(view->header().column_count == kSessionColumnCount);
  const auto hex_of = [&](std::uint16_t number) {
    const std::size_t directory = sizeof(RowGroupHeader);
    std::size_t at = directory + kSessionColumnCount * sizeof(ColumnEntry);
    std::string text;
    for (std::uint16_t i = 0; i < kSessionColumnCount; ++i) {
      const auto entry = load_le<ColumnEntry>(group.data() + directory + i * sizeof(ColumnEntry));
      for (std::uint32_t k = 0; k < entry.bytes && entry.number == number; ++k) {
        text += "0123456789abcdef"[group[at + k] >> 4];
        text += "0123456789abcdef"[group[at + k] & 15];
      }
      at += entry.bytes;
    }
    return text;
  };
  CHECK(hex_of(kUidTail) == "0708090a0b0c0d0e0f10");
  CHECK(hex_of(kUidMs) == "8c94a0b0c040");                        // zigzag of 0x010203040506
  CHECK(hex_of(kFirst) == "e803000000000000e80300000000000002");  // range, then zigzag of 1 (scale 3)
  CHECK(hex_of(kASpan) == "08");                                  // 4 us
  CHECK(hex_of(kAddressA) == "00010081808050");
  CHECK(hex_of(kPortA) == "b88e03");
  CHECK(hex_of(kCountersA) == "02");
  CHECK(hex_of(kCountersA + 1) == "78");
  CHECK(hex_of(kCountersA + 2) == "00");
  CHECK(hex_of(kCountersA + 3) == "00");

  // The next record of the flow, without packets since: nothing but seq tells it from the first.
  record.seq = 1;
  record.a_to_b.previous = record.a_to_b.total;
  record.delta_first_ns = record.last_ns;
  const ByteBuffer quiet = encode({record}, 77);
  REQUIRE(quiet.size() == group.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < group.size(); ++i) different += group[i] != quiet[i] ? 1 : 0;
  CHECK(different == 1);
}
