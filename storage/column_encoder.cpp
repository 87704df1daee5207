#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "capture/base/check.hpp"
#include "storage/column.hpp"

namespace tapline::storage {
namespace {

constexpr unsigned kVarintBits = 7;  // wider values may be shorter as varints
// Below that, packing is at most as long as a dictionary's indices.
constexpr unsigned kDictionaryBitsMin = 3;

std::uint64_t varint_bytes(std::uint64_t value) {
  return (static_cast<unsigned>(std::bit_width(value | 1)) + 6) / 7;
}

std::uint64_t packed_bytes(std::size_t count, unsigned width) {
  return (count * width + 7) / 8;
}

/// The most distinct values with which a dictionary of `rows` rows may take less than `bytes`: each costs a
/// byte or more, and their number decides the width of the indices.
std::size_t dictionary_count_max(std::size_t rows, std::uint64_t bytes) {
  std::size_t count_max = 0;
  for (unsigned width = 1; packed_bytes(rows, width) < bytes && width <= 16; ++width) {
    const std::uint64_t room = bytes - packed_bytes(rows, width);
    count_max = std::max<std::size_t>(count_max, std::min<std::uint64_t>(room, std::uint64_t{1} << width));
  }
  return std::min(count_max, rows / 2);
}

void put_packed(ByteBuffer& out, std::span<const std::uint64_t> values, std::uint64_t base, unsigned width) {
  const std::size_t begin = out.size();
  out.resize(begin + packed_bytes(values.size(), width));
  std::uint8_t* at = out.data() + begin;
  std::uint64_t pending = 0;
  unsigned pending_bits = 0;
  for (const std::uint64_t value : values) {
    pending |= (value - base) << pending_bits;
    pending_bits += width;
    for (; pending_bits >= 8; pending_bits -= 8, pending >>= 8) *at++ = static_cast<std::uint8_t>(pending);
  }
  if (pending_bits > 0) *at = static_cast<std::uint8_t>(pending);
}

/// Ascending values as differences.
void put_ascending(ByteBuffer& out, std::span<const std::uint64_t> values) {
  std::uint64_t last = 0;
  for (const std::uint64_t value : values) {
    put_varint(out, value - last);
    last = value;
  }
}

void put_sparse(ByteBuffer& out, std::span<const std::uint64_t> values, std::uint64_t base,
                std::uint32_t exceptions) {
  put_varint(out, base);
  put_varint(out, exceptions);
  std::size_t after_last = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] == base) continue;
    put_varint(out, row - after_last);
    put_varint(out, values[row]);
    after_last = row + 1;
  }
}

constexpr std::uint64_t kV4MappedPrefix = 0xffff;  // bytes 8 to 11 of ::ffff:a.b.c.d

bool is_v4_mapped(const AddressWords& address) {
  return address.high == 0 && address.low >> 32 == kV4MappedPrefix;
}

AddressWords to_words(const IpAddress& address) {
  return {load_be64(address.bytes.data()), load_be64(address.bytes.data() + 8)};
}

void put_v6(ByteBuffer& out, std::span<const AddressWords> addresses) {
  for (const AddressWords& address : addresses) {
    put(out, __builtin_bswap64(address.high));
    put(out, __builtin_bswap64(address.low));
  }
}

ColumnRange range_of(std::span<const std::uint64_t> values, ColumnType type) {
  // Flipping the sign bit makes signed values sort as unsigned ones.
  const std::uint64_t flip = type == ColumnType::kSigned ? std::uint64_t{1} << 63 : 0;
  std::uint64_t least = values.front() ^ flip;
  std::uint64_t greatest = least;
  for (const std::uint64_t value : values) {
    least = std::min(least, value ^ flip);
    greatest = std::max(greatest, value ^ flip);
  }
  return {static_cast<std::int64_t>(least ^ flip), static_cast<std::int64_t>(greatest ^ flip)};
}

/// Divides by 1000 where nothing is lost by it.
bool scale_down(std::span<std::uint64_t> values, ColumnType type) {
  const bool is_signed = type == ColumnType::kSigned;
  const auto divides = [is_signed](std::uint64_t value) {
    return is_signed ? static_cast<std::int64_t>(value) % 1000 == 0 : value % 1000 == 0;
  };
  if (!std::ranges::all_of(values, divides)) return false;
  for (std::uint64_t& value : values) {
    value = is_signed ? static_cast<std::uint64_t>(static_cast<std::int64_t>(value) / 1000) : value / 1000;
  }
  return true;
}

}  // namespace

void ColumnEncoder::try_dictionary(std::span<const std::uint64_t> values, Choice& best) {
  const std::size_t count_max = dictionary_count_max(values.size(), best.bytes);
  if (count_max < 2 || !distinct_.collect(values, count_max)) return;
  const auto width = static_cast<unsigned>(std::bit_width(distinct_.count() - 1));
  std::uint64_t bytes = varint_bytes(distinct_.count()) + packed_bytes(values.size(), width);
  if (bytes + distinct_.count() >= best.bytes) return;
  distinct_.sort();
  std::uint64_t last = 0;
  for (const std::uint64_t value : distinct_.sorted()) {
    bytes += varint_bytes(value - last);
    last = value;
  }
  if (bytes < best.bytes) best = {ColumnEncoding::kDictionary, width, 0, 0, bytes};
}

// One pass for each byte that a value may need beyond the first: simple passes run on vectors.
void ColumnEncoder::try_varint(std::span<const std::uint64_t> values, unsigned bits_max, Choice& best) {
  std::uint64_t bytes = values.size();
  for (unsigned bits = kVarintBits; bits < bits_max; bits += kVarintBits) {
    std::uint64_t longer = 0;
    for (const std::uint64_t value : values) longer += value >> bits != 0;
    bytes += longer;
  }
  if (bytes < best.bytes) best = {ColumnEncoding::kVarint, 0, 0, 0, bytes};
}

void ColumnEncoder::try_sparse(std::span<const std::uint64_t> values, std::uint64_t base, Choice& best) {
  const auto exceptions = static_cast<std::uint32_t>(static_cast<std::ptrdiff_t>(values.size()) -
                                                     std::ranges::count(values, base));
  // An exception takes two bytes or more.
  if (2 * std::uint64_t{exceptions} >= best.bytes) return;
  std::uint64_t bytes = varint_bytes(base) + varint_bytes(exceptions);
  std::size_t after_last = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] == base) continue;
    bytes += varint_bytes(row - after_last) + varint_bytes(values[row]);
    after_last = row + 1;
  }
  if (bytes < best.bytes) best = {ColumnEncoding::kSparse, 0, base, exceptions, bytes};
}

ColumnEncoder::Choice ColumnEncoder::choose(std::span<const std::uint64_t> values) {
  // Most columns are constant; this looks at them faster than a comparison of each value with the least.
  if (std::memcmp(values.data(), values.data() + 1, (values.size() - 1) * sizeof values[0]) == 0)
    return {ColumnEncoding::kConstant, 0, values[0], 0, varint_bytes(values[0])};
  const ColumnRange range = range_of(values, ColumnType::kUnsigned);
  const auto base = static_cast<std::uint64_t>(range.least);
  const auto greatest = static_cast<std::uint64_t>(range.greatest);
  const auto width = static_cast<unsigned>(std::bit_width(greatest - base));
  Choice best{ColumnEncoding::kPacked, width, base, 0,
              varint_bytes(base) + packed_bytes(values.size(), width)};
  if (width > kPackedBitsMax) best.bytes = ~std::uint64_t{0};
  if (width > kVarintBits) try_varint(values, static_cast<unsigned>(std::bit_width(greatest)), best);
  try_sparse(values, base, best);
  if (width >= kDictionaryBitsMin) try_dictionary(values, best);
  return best;
}

void ColumnEncoder::write(const Choice& choice, std::span<const std::uint64_t> values, ByteBuffer& out) {
  switch (choice.encoding) {
    case ColumnEncoding::kConstant:
      put_varint(out, choice.base);
      break;
    case ColumnEncoding::kPacked:
      put_varint(out, choice.base);
      put_packed(out, values, choice.base, choice.width);
      break;
    case ColumnEncoding::kDictionary:
      put_varint(out, distinct_.count());
      put_ascending(out, distinct_.sorted());
      put_packed(out, distinct_.ranks(), 0, choice.width);
      break;
    case ColumnEncoding::kSparse:
      put_sparse(out, values, choice.base, choice.exceptions);
      break;
    default:
      for (const std::uint64_t value : values) put_varint(out, value);
  }
}

void ColumnEncoder::encode(ColumnEntry& entry, std::span<std::uint64_t> values, ColumnHints hints,
                           ByteBuffer& out) {
  TAPLINE_CHECK(!values.empty() && values.size() <= kRowGroupRowsMax);
  const auto type = static_cast<ColumnType>(entry.type);
  const std::size_t begin = out.size();
  entry.flags = 0;
  if (hints.range) {
    entry.flags |= kColumnRange;
    put(out, range_of(values, type));
  }
  entry.scale = hints.scale && scale_down(values, type) ? 3 : 0;

  if (hints.delta) {
    deltas_.resize(values.size());
    std::uint64_t last = 0;
    for (std::size_t row = 0; row < values.size(); ++row) {
      deltas_[row] = zigzag(values[row] - last);
      last = values[row];
    }
  }
  if (type == ColumnType::kSigned) {
    for (std::uint64_t& value : values) value = zigzag(value);
  }
  Choice choice = choose(values);
  if (hints.delta && choice.encoding != ColumnEncoding::kConstant) {
    if (const Choice of_deltas = choose(deltas_); of_deltas.bytes < choice.bytes) {
      entry.flags |= kColumnDelta;
      choice = of_deltas;
      values = deltas_;
    } else if (choice.encoding == ColumnEncoding::kDictionary) {
      choice = choose(values);  // the dictionary at hand is that of the differences
    }
  }
  entry.encoding = static_cast<std::uint8_t>(choice.encoding);
  entry.width = static_cast<std::uint8_t>(choice.width);
  write(choice, values, out);
  entry.bytes = static_cast<std::uint32_t>(out.size() - begin);
}

void ColumnEncoder::encode_addresses(ColumnEntry& entry, std::span<const IpAddress> values, ByteBuffer& out) {
  TAPLINE_CHECK(!values.empty() && values.size() <= kRowGroupRowsMax);
  const std::size_t begin = out.size();
  address_words_.resize(values.size());
  std::ranges::transform(values, address_words_.begin(), to_words);
  TAPLINE_CHECK(distinct_addresses_.collect(address_words_, values.size()));
  distinct_addresses_.sort();
  // IPv4-mapped addresses are neighbours in this order.
  const std::span<const AddressWords> sorted = distinct_addresses_.sorted();
  const auto v4_begin = std::ranges::find_if(sorted, is_v4_mapped);
  const auto v4_end = std::find_if_not(v4_begin, sorted.end(), is_v4_mapped);

  put_varint(out, static_cast<std::uint64_t>(v4_begin - sorted.begin()));
  put_varint(out, static_cast<std::uint64_t>(v4_end - v4_begin));
  put_varint(out, static_cast<std::uint64_t>(sorted.end() - v4_end));
  put_v6(out, {sorted.begin(), v4_begin});
  std::uint64_t last = kV4MappedPrefix << 32;
  for (auto at = v4_begin; at != v4_end; ++at) {
    put_varint(out, at->low - last);
    last = at->low;
  }
  put_v6(out, {v4_end, sorted.end()});
  const auto width = static_cast<unsigned>(std::bit_width(sorted.size() - 1));
  put_packed(out, distinct_addresses_.ranks(), 0, width);

  entry.encoding = static_cast<std::uint8_t>(ColumnEncoding::kAddresses);
  entry.flags = 0;
  entry.width = static_cast<std::uint8_t>(width);
  entry.scale = 0;
  entry.bytes = static_cast<std::uint32_t>(out.size() - begin);
}

void ColumnEncoder::encode_bytes(ColumnEntry& entry, Bytes bytes, std::uint8_t width, ByteBuffer& out) {
  entry.encoding = static_cast<std::uint8_t>(ColumnEncoding::kFixed);
  entry.flags = 0;
  entry.width = width;
  entry.scale = 0;
  entry.bytes = static_cast<std::uint32_t>(bytes.size());
  put_bytes(out, bytes);
}

}  // namespace tapline::storage
