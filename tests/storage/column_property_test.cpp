// Columns of many shapes survive encoding, in any batch size, and each shape gets the encoding made for it.

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>

#include "storage/column.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint64_t kSeed = 71;
constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

using Values = std::vector<std::uint64_t>;
using Random = std::mt19937_64;

struct Shape {
  std::string name;
  ColumnType type;
  std::function<std::uint64_t(Random&, std::size_t)> value;
  ColumnHints hints;
  ColumnEncoding expected;  // for 1,000 rows
};

const ColumnHints kNone{};
const ColumnHints kTime{.scale = true, .delta = true, .range = true};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {"all zero", ColumnType::kUnsigned, [](Random&, std::size_t) { return 0; }, kNone,
       ColumnEncoding::kConstant},
      {"all greatest", ColumnType::kUnsigned, [](Random&, std::size_t) { return kMax; }, kNone,
       ColumnEncoding::kConstant},
      {"all least", ColumnType::kSigned, [](Random&, std::size_t) { return std::uint64_t{1} << 63; }, kTime,
       ColumnEncoding::kConstant},
      {"bits", ColumnType::kUnsigned, [](Random& r, std::size_t) { return r() % 2; }, kNone,
       ColumnEncoding::kPacked},
      {"16 bits", ColumnType::kUnsigned, [](Random& r, std::size_t) { return r() % 65536; }, kNone,
       ColumnEncoding::kPacked},
      {"56 bits above a base", ColumnType::kUnsigned,
       [](Random& r, std::size_t) { return 1000 + (r() >> 8); }, kNone, ColumnEncoding::kPacked},
      {"64 bits", ColumnType::kUnsigned, [](Random& r, std::size_t) { return r(); }, kNone,
       ColumnEncoding::kVarint},
      {"extremes", ColumnType::kSigned,
       [](Random& r, std::size_t) {
         return r() % 2 == 0 ? std::uint64_t{1} << 63 : (std::uint64_t{1} << 63) - 1;
       },
       kTime, ColumnEncoding::kPacked},
      {"small but for some", ColumnType::kUnsigned,
       [](Random& r, std::size_t) { return r() % 8 == 0 ? r() >> 20 : r() % 100; }, kNone,
       ColumnEncoding::kVarint},
      {"few far apart", ColumnType::kUnsigned, [](Random& r, std::size_t) { return (r() % 5) * 1'000'003; },
       kNone, ColumnEncoding::kDictionary},
      {"rare", ColumnType::kSigned, [](Random& r, std::size_t row) { return row % 90 == 7 ? r() : 0; }, kNone,
       ColumnEncoding::kSparse},
      {"rare differences to a usual value", ColumnType::kUnsigned,
       [](Random& r, std::size_t row) { return row % 70 == 3 ? 9'000'000 + r() % 9'000'000 : 443; }, kNone,
       ColumnEncoding::kSparse},
      {"rare times", ColumnType::kSigned,
       [](Random& r, std::size_t) { return r() % 30 == 0 ? 0 - r() % 1'000'000 * 1000 : 0; }, kTime,
       ColumnEncoding::kSparse},
      {"half of it 0", ColumnType::kSigned,
       [](Random& r, std::size_t row) { return row % 2 == 0 ? 0 : r() >> 30; }, kNone,
       ColumnEncoding::kVarint},
      {"mostly 0, else up to 3", ColumnType::kUnsigned,
       [](Random& r, std::size_t) { return r() % 3 == 0 ? r() % 4 : 0; }, kNone, ColumnEncoding::kPacked},
      {"mostly 0, else few values", ColumnType::kSigned,
       [](Random& r, std::size_t) { return r() % 3 == 0 ? (r() % 3) * 1'000'003 : 0; }, kTime,
       ColumnEncoding::kDictionary},
      {"microseconds that grow", ColumnType::kSigned,
       [](Random& r, std::size_t row) {
         return 1'767'225'600'000'000'000 + row * 5'000'000 + r() % 900 * 1000;
       },
       kTime, ColumnEncoding::kVarint},
      {"cumulative", ColumnType::kUnsigned, [](Random&, std::size_t row) { return 5 + row * 1000; }, kTime,
       ColumnEncoding::kDictionary},
  };
  return all;
}

Values make_values(const Shape& shape, std::size_t rows) {
  Random random(kSeed);
  Values values(rows);
  for (std::size_t row = 0; row < rows; ++row) values[row] = shape.value(random, row);
  return values;
}

ByteBuffer encode(const Shape& shape, Values values, ColumnEntry& entry) {
  ColumnEncoder encoder;
  ByteBuffer bytes;
  entry = {};
  entry.number = 1;
  entry.type = static_cast<std::uint8_t>(shape.type);
  encoder.encode(entry, values, shape.hints, bytes);
  REQUIRE(entry.bytes == bytes.size());
  return bytes;
}

bool decode(const ColumnEntry& entry, Bytes bytes, std::size_t rows, std::size_t batch, Values& out) {
  ColumnCursor cursor;
  out.assign(rows, 0);
  if (!cursor.open(entry, bytes, static_cast<std::uint32_t>(rows))) return false;
  for (std::size_t row = 0; row < rows; row += batch) {
    if (!cursor.next(std::span(out).subspan(row, std::min(batch, rows - row)))) return false;
  }
  return true;
}

std::uint64_t varint_bytes(std::uint64_t value) {
  ByteBuffer bytes;
  put_varint(bytes, value);
  return bytes.size();
}

std::uint64_t packed_bytes(std::size_t rows, std::uint64_t greatest) {
  unsigned width = 0;
  for (; greatest > 0; greatest >>= 1) ++width;
  return width > kPackedBitsMax ? kMax : (rows * width + 7) / 8;
}

std::uint64_t sparse_bytes(const Values& values, std::uint64_t base) {
  std::uint64_t bytes = varint_bytes(base), exceptions = 0, gap = 0;
  for (const std::uint64_t value : values) {
    if (value == base) {
      ++gap;
      continue;
    }
    bytes += varint_bytes(gap) + varint_bytes(value);
    ++exceptions;
    gap = 0;
  }
  return bytes + varint_bytes(exceptions);
}

/// kMax where there are more than half as many distinct values as rows: not a dictionary's business.
std::uint64_t dictionary_bytes(const Values& values) {
  const std::set<std::uint64_t> distinct(values.begin(), values.end());
  if (distinct.size() > values.size() / 2) return kMax;
  std::uint64_t bytes = varint_bytes(distinct.size()) + packed_bytes(values.size(), distinct.size() - 1);
  std::uint64_t last = 0;
  for (const std::uint64_t value : distinct) {
    bytes += varint_bytes(value - last);
    last = value;
  }
  return bytes;
}

/// What FORMAT.md's encodings of an integer column take, the least of them; without transformations.
std::uint64_t shortest_bytes(const Values& values) {
  const auto [least, greatest] = std::ranges::minmax(values);
  if (least == greatest) return varint_bytes(least);
  const std::uint64_t packed = packed_bytes(values.size(), greatest - least);
  std::uint64_t varints = 0;
  for (const std::uint64_t value : values) varints += varint_bytes(value);
  return std::min({packed == kMax ? kMax : varint_bytes(least) + packed, varints, sparse_bytes(values, least),
                   dictionary_bytes(values)});
}

struct MixedColumn {
  Values values;
  ColumnHints hints;
};

/// A usual value, and others of some width as often as chance has it, from a pool or all different.
MixedColumn mixed_column(Random& random) {
  Values values(1 + random() % (random() % 8 == 0 ? 3000 : 90));
  const std::uint64_t usual = random() % 2 == 0 ? 0 : random() >> (random() % 64);
  const std::uint64_t others_in_100 = random() % 101;
  const unsigned shift = random() % 64;
  Values pool(random() % 2 == 0 ? 0 : 1 + random() % 100);
  for (std::uint64_t& value : pool) value = random() >> shift;
  for (std::uint64_t& value : values) {
    value = usual;
    if (random() % 100 >= others_in_100) continue;
    value += pool.empty() ? random() >> shift : pool[random() % pool.size()];
  }
  return {values, {.scale = false, .delta = random() % 2 == 0, .range = false}};
}

}  // namespace

TEST_CASE("columns of every shape survive, whatever the batch") {
  INFO("seed " << kSeed);
  for (const Shape& shape : shapes()) {
    for (const std::size_t rows : {1u, 2u, 7u, 8u, 255u, 1000u, 65536u}) {
      const Values values = make_values(shape, rows);
      ColumnEntry entry;
      const ByteBuffer bytes = encode(shape, values, entry);
      for (const std::size_t batch : {std::size_t{1}, std::size_t{3}, std::size_t{256}, rows}) {
        INFO(shape.name << ", rows " << rows << ", batch " << batch << ", encoding " << int(entry.encoding));
        Values back;
        REQUIRE(decode(entry, bytes, rows, batch, back));
        REQUIRE(back == values);
      }
    }
  }
}

TEST_CASE("each shape gets the encoding made for it, and the same bytes each time") {
  for (const Shape& shape : shapes()) {
    INFO(shape.name);
    ColumnEntry entry, again;
    const ByteBuffer bytes = encode(shape, make_values(shape, 1000), entry);
    CHECK(static_cast<int>(entry.encoding) == static_cast<int>(shape.expected));
    CHECK(encode(shape, make_values(shape, 1000), again) == bytes);
  }
}

TEST_CASE("an encoder that was used before encodes the same") {
  ColumnEncoder used;
  for (const Shape& shape : shapes()) {
    ColumnEntry fresh_entry, entry{};
    const ByteBuffer fresh = encode(shape, make_values(shape, 500), fresh_entry);
    entry.number = 1;
    entry.type = static_cast<std::uint8_t>(shape.type);
    ByteBuffer bytes;
    Values values = make_values(shape, 500);
    used.encode(entry, values, shape.hints, bytes);
    CHECK(bytes == fresh);
  }
}

TEST_CASE("packed values of every width survive, whatever is left of the last byte") {
  Random random(kSeed);
  for (unsigned width = 1; width <= kPackedBitsMax; ++width) {
    for (const std::size_t rows : {2u, 63u, 64u, 65u, 401u}) {
      INFO("width " << width << ", rows " << rows << ", seed " << kSeed);
      Values values(rows);
      for (std::uint64_t& value : values) value = 7 + (random() >> (64 - width));
      values.front() = 7;
      values.back() = 7 + (kMax >> (64 - width));
      ColumnEntry entry;
      const ByteBuffer bytes = encode({"", ColumnType::kUnsigned, {}, kNone, {}}, values, entry);
      if (rows == 401 && width > 8) CHECK(static_cast<int>(entry.width) == static_cast<int>(width));
      Values back;
      REQUIRE(decode(entry, bytes, rows, rows, back));
      CHECK(back == values);
    }
  }
}

TEST_CASE("no other encoding would have been shorter") {
  Random random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    const auto [values, hints] = mixed_column(random);
    Values deltas = values;
    std::adjacent_difference(values.begin(), values.end(), deltas.begin());
    for (std::uint64_t& delta : deltas) delta = zigzag(delta);
    std::uint64_t shortest = shortest_bytes(values);
    if (hints.delta) shortest = std::min(shortest, shortest_bytes(deltas));
    ColumnEntry entry;
    const ByteBuffer bytes = encode({"", ColumnType::kUnsigned, {}, hints, {}}, values, entry);
    INFO("round " << round << ", rows " << values.size() << ", encoding " << int(entry.encoding) << ", seed "
                  << kSeed);
    REQUIRE(bytes.size() == shortest);
    Values back;
    REQUIRE(decode(entry, bytes, values.size(), values.size(), back));
    REQUIRE(back == values);
  }
}

TEST_CASE("times of microsecond captures lose their zeros on disk only") {
  const Shape& shape = *std::ranges::find(shapes(), "microseconds that grow", &Shape::name);
  ColumnEntry entry;
  const ByteBuffer bytes = encode(shape, make_values(shape, 1000), entry);
  CHECK(entry.scale == 3);
  CHECK((entry.flags & kColumnDelta) != 0);
  CHECK(bytes.size() < 2 * 1000 + 32);
}

TEST_CASE("the stated range is that of the values, by their sign") {
  const auto range_of = [](ColumnType type, Values values) {
    ColumnEntry entry;
    const ByteBuffer bytes =
        encode({"", type, {}, {.scale = false, .delta = false, .range = true}, {}}, std::move(values), entry);
    REQUIRE((entry.flags & kColumnRange) != 0);
    return load_le<ColumnRange>(bytes.data());
  };
  const ColumnRange of_signed = range_of(ColumnType::kSigned, {kMax, 0, std::uint64_t{1} << 63, 5});
  CHECK(of_signed.least == std::numeric_limits<std::int64_t>::min());
  CHECK(of_signed.greatest == 5);
  const ColumnRange of_unsigned = range_of(ColumnType::kUnsigned, {kMax, 7, 9});
  CHECK(of_unsigned.least == 7);
  CHECK(of_unsigned.greatest == -1);  // the bits of the greatest 64-bit number
}

TEST_CASE("addresses survive: both families, in between and around IPv4's place, repeated, alone") {
  Random random(kSeed);
  for (const std::size_t rows : {1u, 2u, 300u, 5000u}) {
    std::vector<IpAddress> addresses(rows);
    for (IpAddress& address : addresses) {
      if (random() % 3 > 0) {
        address = IpAddress::from_v4(0x0a000000 + static_cast<std::uint32_t>(random() % 50));
      } else {
        address.bytes[0] = random() % 2 == 0 ? 0x20 : 0;
        address.bytes[15] = static_cast<std::uint8_t>(random() % 10);
      }
    }
    ColumnEncoder encoder;
    ColumnEntry entry{};
    entry.type = static_cast<std::uint8_t>(ColumnType::kAddress);
    ByteBuffer bytes;
    encoder.encode_addresses(entry, addresses, bytes);
    AddressCursor cursor;
    REQUIRE(cursor.open(entry, bytes, static_cast<std::uint32_t>(rows)));
    std::vector<IpAddress> back(rows);
    for (std::size_t row = 0; row < rows; row += 100) {
      REQUIRE(cursor.next(std::span(back).subspan(row, std::min<std::size_t>(100, rows - row))));
    }
    CHECK(back == addresses);
    CHECK_FALSE(cursor.next(std::span(back).first(1)));
  }
}

TEST_CASE("a damaged column is refused or gives its rows, never more and never from outside") {
  INFO("seed " << kSeed);
  for (const Shape& shape : shapes()) {
    constexpr std::size_t kRows = 120;
    ColumnEntry entry;
    const ByteBuffer bytes = encode(shape, make_values(shape, kRows), entry);
    Values out;
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      // An exact-size copy, so that AddressSanitizer sees any read past the end.
      const ByteBuffer cut_bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
      if (decode(entry, cut_bytes, kRows, 50, out)) FAIL(shape.name << " cut to " << cut << " was read");
    }
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      ByteBuffer flipped = bytes;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
      static_cast<void>(decode(entry, flipped, kRows, 50, out));
    }
    ByteBuffer longer = bytes;
    longer.push_back(0);
    CHECK_FALSE(decode(entry, longer, kRows, 50, out));
    for (unsigned value = 0; value < 256; ++value) {  // the directory lies, too
      for (std::uint8_t ColumnEntry::*field :
           {&ColumnEntry::type, &ColumnEntry::encoding, &ColumnEntry::flags, &ColumnEntry::width,
            &ColumnEntry::scale}) {
        ColumnEntry lying = entry;
        lying.*field = static_cast<std::uint8_t>(value);
        static_cast<void>(decode(lying, bytes, kRows, 50, out));
        static_cast<void>(decode(lying, bytes, kRowGroupRowsMax, 256, out));
      }
    }
  }
}
