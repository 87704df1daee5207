#include "storage/row_group.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr ColumnSpec kSize{7, "size", ColumnType::kUnsigned, 32, {}, "a size"};
constexpr ColumnSpec kWhen{
    9, "when", ColumnType::kSigned, 64, {.scale = true, .delta = true, .range = true}, "a time"};
constexpr ColumnSpec kWho{11, "who", ColumnType::kAddress, 0, {}, "an address"};
constexpr ColumnSpec kTail{12, "tail", ColumnType::kBytes, 3, {}, "three bytes"};
constexpr ColumnSpec kAbsent{99, "absent", ColumnType::kUnsigned, 64, {}, "not in the group", 17};

const std::vector<std::uint64_t> kSizes{10, 20, 30};
const std::vector<std::uint64_t> kTimes{5000, 3000, 9000};
const std::vector<IpAddress> kAddresses{IpAddress::from_v4(1), IpAddress{}, IpAddress::from_v4(1)};
const std::vector<std::uint8_t> kTails{1, 2, 3, 4, 5, 6, 7, 8, 9};

ByteBuffer build_group() {
  RowGroupBuilder builder;
  builder.begin(2, 3, 4711);
  std::vector<std::uint64_t> values = kSizes;
  builder.add(kSize, values);
  values = kTimes;
  builder.add(kWhen, values);
  builder.add_addresses(kWho, kAddresses);
  builder.add_bytes(kTail, kTails);
  const Bytes group = builder.finish();
  return {group.begin(), group.end()};
}

std::vector<std::uint64_t> read(const RowGroupView& view, const ColumnSpec& spec) {
  ColumnCursor cursor;
  std::vector<std::uint64_t> values(view.rows());
  REQUIRE(view.open(spec, cursor).ok());
  REQUIRE(cursor.next(values));
  return values;
}

ColumnEntry& entry_of(ByteBuffer& group, std::size_t position) {
  return *reinterpret_cast<ColumnEntry*>(group.data() + sizeof(RowGroupHeader) +
                                         position * sizeof(ColumnEntry));
}

}  // namespace

TEST_CASE("a row group gives back its columns, in any order of asking") {
  const ByteBuffer group = build_group();
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  CHECK(view->rows() == 3);
  CHECK(view->header().complete_until_ns == 4711);
  CHECK(view->header().schema == 2);
  CHECK(*view->fixed_bytes(kTail).value().data() == 1);
  CHECK(view->fixed_bytes(kTail)->size() == 9);
  CHECK(read(*view, kWhen) == kTimes);
  CHECK(read(*view, kSize) == kSizes);
  AddressCursor cursor;
  std::vector<IpAddress> addresses(3);
  REQUIRE(view->open_addresses(kWho, cursor).ok());
  REQUIRE(cursor.next(addresses));
  CHECK(addresses == kAddresses);
}

TEST_CASE("a missing column reads as its default") {
  const ByteBuffer group = build_group();
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  CHECK_FALSE(view->has(kAbsent.number));
  CHECK(read(*view, kAbsent) == std::vector<std::uint64_t>(3, 17));
  ColumnSpec absent_bytes = kTail;
  absent_bytes.number = 98;
  CHECK(view->fixed_bytes(absent_bytes)->empty());
  ColumnSpec absent_address = kWho;
  absent_address.number = 97;
  AddressCursor cursor;
  std::vector<IpAddress> addresses(3, IpAddress::from_v4(5));
  REQUIRE(view->open_addresses(absent_address, cursor).ok());
  REQUIRE(cursor.next(addresses));
  CHECK(addresses == std::vector<IpAddress>(3));
}

TEST_CASE("columns and types of a later program are skipped") {
  ByteBuffer group = build_group();
  entry_of(group, 0).type = 200;
  entry_of(group, 0).encoding = 201;
  entry_of(group, 0).flags = 255;
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  CHECK(read(*view, kWhen) == kTimes);
  // Asked for itself, the column is refused rather than misread.
  ColumnCursor cursor;
  CHECK(view->open(kSize, cursor).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("only columns that state a range have one") {
  const ByteBuffer group = build_group();
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  const auto range = view->range(kWhen);
  REQUIRE(range.ok());
  CHECK(range->least == 3000);
  CHECK(range->greatest == 9000);
  CHECK(view->range(kSize).error().code == ErrorCode::kNotFound);
  CHECK(view->range(kAbsent).error().code == ErrorCode::kNotFound);
}

TEST_CASE("an empty group has a header and nothing else") {
  RowGroupBuilder builder;
  builder.begin(2, 0, -5);
  const Bytes group = builder.finish();
  CHECK(group.size() == sizeof(RowGroupHeader));
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  CHECK(view->rows() == 0);
  CHECK(view->header().complete_until_ns == -5);
  CHECK(read(*view, kSize).empty());
}

TEST_CASE("lengths that contradict the bytes are refused") {
  const ByteBuffer group = build_group();
  for (std::size_t cut = 0; cut < group.size(); ++cut) {
    const ByteBuffer part(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(cut));
    if (RowGroupView::parse(part).ok()) FAIL("cut to " << cut << " was read");
  }
  ByteBuffer longer = group;
  longer.push_back(0);
  CHECK_FALSE(RowGroupView::parse(longer).ok());

  ByteBuffer many_rows = group;
  store_le<std::uint32_t>(many_rows.data() + 12, kRowGroupRowsMax + 1);
  CHECK(RowGroupView::parse(many_rows).error().code == ErrorCode::kCorrupt);
  ByteBuffer many_columns = group;
  store_le<std::uint16_t>(many_columns.data() + 10, 60000);
  CHECK(RowGroupView::parse(many_columns).error().code == ErrorCode::kCorrupt);
  ByteBuffer newer = group;
  store_le<std::uint16_t>(newer.data() + 6, kRowGroupVersion + 1);
  CHECK(RowGroupView::parse(newer).error().code == ErrorCode::kUnsupported);
}

TEST_CASE("a column of another type or width is refused") {
  ByteBuffer group = build_group();
  const auto view = RowGroupView::parse(group);
  REQUIRE(view.ok());
  ColumnCursor cursor;
  AddressCursor addresses;
  ColumnSpec as_integer = kWho;
  as_integer.type = ColumnType::kUnsigned;
  CHECK_FALSE(view->open(as_integer, cursor).ok());
  ColumnSpec as_address = kSize;
  as_address.type = ColumnType::kAddress;
  CHECK_FALSE(view->open_addresses(as_address, addresses).ok());
  ColumnSpec wider = kTail;
  wider.bits = 4;
  CHECK_FALSE(view->fixed_bytes(wider).ok());
}
