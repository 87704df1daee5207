#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "capture/base/check.hpp"
#include "storage/column.hpp"

namespace tapline::storage {
namespace {

constexpr unsigned kVarintBits = 7;  // in a byte
// Below that, packing is at most as long as a dictionary's indices.
constexpr unsigned kDictionaryBitsMin = 3;

std::uint64_t varint_bytes(std::uint64_t value) {
  // A byte for every 7 bits: for up to 64 bits the same as (bits + 6) / 7, without a division.
  return (9 * static_cast<unsigned>(std::bit_width(value | 1)) + 64) / 64;
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

/// `width` bits of each of value_of(0) to value_of(count - 1), lowest bit first. width: 0 to 56.
template <class ValueOf>
std::uint8_t* write_packed(std::uint8_t* at, std::size_t count, unsigned width, const ValueOf& value_of) {
  std::uint64_t pending = 0;
  unsigned pending_bits = 0;
  const auto append = [&](std::uint64_t value, unsigned bits) {
    pending |= value << pending_bits;
    pending_bits += bits;
    if (pending_bits < 64) return;
    std::memcpy(at, &pending, 8);
    at += 8;
    pending_bits -= 64;
    pending = value >> (bits - pending_bits);  // what of the value had no room; bits is at least 1 here
  };
  std::size_t row = 0;
  // Four at once where they fit, as nearly all dictionaries do.
  for (; 4 * width <= kPackedBitsMax && row + 4 <= count; row += 4) {
    append(value_of(row) | value_of(row + 1) << width | value_of(row + 2) << 2 * width |
               value_of(row + 3) << 3 * width,
           4 * width);
  }
  for (; row < count; ++row) append(value_of(row), width);
  std::memcpy(at, &pending, (pending_bits + 7) / 8);
  return at + (pending_bits + 7) / 8;
}

std::uint8_t* write_sparse(std::uint8_t* at, std::uint64_t base, std::span<const std::uint32_t> rows,
                           std::span<const std::uint64_t> values) {
  at = write_varint(at, base);
  at = write_varint(at, rows.size());
  std::uint32_t after_last = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    at = write_varint(at, rows[i] - after_last);
    at = write_varint(at, values[i]);
    after_last = rows[i] + 1;
  }
  return at;
}

/// Ascending values as differences.
std::uint8_t* write_ascending(std::uint8_t* at, std::span<const std::uint64_t> values) {
  std::uint64_t last = 0;
  for (const std::uint64_t value : values) {
    at = write_varint(at, value - last);
    last = value;
  }
  return at;
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

/// Without values the greatest is the least there can be, and the other way round.
ColumnRange range_of(std::span<const std::uint64_t> values, ColumnType type) {
  // Flipping the sign bit makes signed values sort as unsigned ones.
  const std::uint64_t flip = type == ColumnType::kSigned ? std::uint64_t{1} << 63 : 0;
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t greatest = 0;
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
  if (bytes < best.bytes) best = {ColumnEncoding::kDictionary, width, 0, bytes};
}

// One pass for each byte that a value may need beyond the first: simple passes run on vectors.
void ColumnEncoder::try_varint(std::span<const std::uint64_t> values, unsigned bits_max, Choice& best) {
  std::uint64_t bytes = values.size();
  for (unsigned bits = kVarintBits; bits < bits_max && bytes < best.bytes; bits += kVarintBits) {
    std::uint64_t longer = 0;
    for (const std::uint64_t value : values) longer += value >> bits != 0;
    bytes += longer;
  }
  if (bytes < best.bytes) best = {ColumnEncoding::kVarint, 0, 0, bytes};
}

void ColumnEncoder::try_sparse(std::uint64_t base, Choice& best) {
  const std::span<const std::uint32_t> rows = exceptions_.rows();
  const std::span<const std::uint64_t> values = exceptions_.values();
  if (2 * rows.size() >= best.bytes) return;  // an exception takes two bytes or more
  std::uint64_t bytes = varint_bytes(base) + varint_bytes(rows.size());
  std::uint32_t after_last = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    bytes += varint_bytes(rows[i] - after_last) + varint_bytes(values[i]);
    after_last = rows[i] + 1;
  }
  if (bytes < best.bytes) best = {ColumnEncoding::kSparse, 0, base, bytes};
}

bool ColumnEncoder::find_exceptions(std::span<const std::uint64_t> values, std::uint64_t base) {
  // An exception takes a byte more than its varint, any other row none, so that with more exceptions varints
  // are shorter.
  return exceptions_.collect(values, base, values.size() * varint_bytes(base) / (varint_bytes(base) + 1));
}

ColumnEncoder::Choice ColumnEncoder::choose(std::span<const std::uint64_t> values, bool mostly_zero) {
  const ColumnRange range = range_of(mostly_zero ? exceptions_.values() : values, ColumnType::kUnsigned);
  const std::uint64_t base = mostly_zero ? 0 : static_cast<std::uint64_t>(range.least);
  const auto greatest = static_cast<std::uint64_t>(range.greatest);
  if (greatest == base) return {ColumnEncoding::kConstant, 0, base, varint_bytes(base)};
  const auto width = static_cast<unsigned>(std::bit_width(greatest - base));
  Choice best{ColumnEncoding::kPacked, width, base, varint_bytes(base) + packed_bytes(values.size(), width)};
  if (width > kPackedBitsMax) best.bytes = ~std::uint64_t{0};
  if (mostly_zero || (base != 0 && find_exceptions(values, base))) try_sparse(base, best);
  if (width >= kDictionaryBitsMin) try_dictionary(values, best);
  try_varint(values, static_cast<unsigned>(std::bit_width(greatest)), best);
  return best;
}

void ColumnEncoder::write(const Choice& choice, std::span<const std::uint64_t> values, ByteBuffer& out) {
  const std::size_t begin = out.size();
  out.resize(begin + choice.bytes);
  std::uint8_t* at = out.data() + begin;
  switch (choice.encoding) {
    case ColumnEncoding::kConstant:
      at = write_varint(at, choice.base);
      break;
    case ColumnEncoding::kPacked:
      at = write_varint(at, choice.base);
      at = write_packed(at, values.size(), choice.width,
                        [&](std::size_t row) { return values[row] - choice.base; });
      break;
    case ColumnEncoding::kDictionary:
      at = write_varint(at, distinct_.count());
      at = write_ascending(at, distinct_.sorted());
      at =
          write_packed(at, values.size(), choice.width, [&](std::size_t row) { return distinct_.rank(row); });
      break;
    case ColumnEncoding::kSparse:
      at = write_sparse(at, choice.base, exceptions_.rows(), exceptions_.values());
      break;
    default:
      for (const std::uint64_t value : values) at = write_varint(at, value);
  }
  TAPLINE_CHECK(at == out.data() + out.size());
}

void ColumnEncoder::set_deltas(std::span<const std::uint64_t> values) {
  deltas_.resize(values.size());
  std::uint64_t last = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    deltas_[row] = zigzag(values[row] - last);
    last = values[row];
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
  const bool mostly_zero = find_exceptions(values, 0);
  const std::span<std::uint64_t> nonzero = mostly_zero ? exceptions_.values() : values;
  entry.scale = hints.scale && scale_down(nonzero, type) ? 3 : 0;
  if (hints.delta) {
    if (mostly_zero) exceptions_.put_back(values);
    set_deltas(values);
  }
  if (type == ColumnType::kSigned) {
    for (std::uint64_t& value : nonzero) value = zigzag(value);
  }
  if (mostly_zero) exceptions_.put_back(values);

  Choice choice = choose(values, mostly_zero);
  if (hints.delta && choice.encoding != ColumnEncoding::kConstant) {
    if (const Choice of_deltas = choose(deltas_, find_exceptions(deltas_, 0));
        of_deltas.bytes < choice.bytes) {
      entry.flags |= kColumnDelta;
      choice = of_deltas;
      values = deltas_;
    } else {
      choice = choose(values, find_exceptions(values, 0));  // what is at hand is of the differences
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
  const std::size_t packed_begin = out.size();
  out.resize(packed_begin + packed_bytes(values.size(), width));
  write_packed(out.data() + packed_begin, values.size(), width,
               [&](std::size_t row) { return distinct_addresses_.rank(row); });

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
