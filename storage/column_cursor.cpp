#include <algorithm>

#include "storage/column.hpp"

namespace tapline::storage {
namespace {

std::uint64_t load_tail(Bytes packed, std::uint64_t byte) {
  std::uint64_t word = 0;
  if (byte < packed.size())
    std::memcpy(&word, packed.data() + byte, std::min<std::size_t>(8, packed.size() - byte));
  return word;
}

/// out.size() values of `width` bits (at most kPackedBitsMax) from bit `bit` on; the caller has checked that
/// they are there.
void unpack(Bytes packed, std::uint64_t bit, unsigned width, std::span<std::uint64_t> out) {
  const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  std::size_t row = 0;
  for (; row < out.size() && bit / 8 + 8 <= packed.size(); ++row, bit += width) {
    out[row] = (load_le<std::uint64_t>(packed.data() + bit / 8) >> (bit % 8)) & mask;
  }
  for (; row < out.size(); ++row, bit += width) out[row] = (load_tail(packed, bit / 8) >> (bit % 8)) & mask;
}

/// The rest of the reader as `rows` packed values; false where it is not exactly that.
bool take_packed(ByteReader& reader, std::uint32_t rows, unsigned width, Bytes& packed) {
  if (width > kPackedBitsMax) return false;
  packed = reader.take((std::uint64_t{rows} * width + 7) / 8);
  return reader.ok() && reader.remaining() == 0;
}

std::uint64_t largest(std::span<const std::uint64_t> values) {
  std::uint64_t most = 0;
  for (const std::uint64_t value : values) most = std::max(most, value);
  return most;
}

bool take_v6(ByteReader& reader, std::uint64_t count, std::vector<IpAddress>& out) {
  for (; count > 0; --count) out.push_back(reader.read<IpAddress>());
  return reader.ok();
}

}  // namespace

bool ColumnCursor::open(const ColumnEntry& entry, Bytes bytes, std::uint32_t rows) {
  const auto type = static_cast<ColumnType>(entry.type);
  if (type != ColumnType::kUnsigned && type != ColumnType::kSigned) return false;
  if ((entry.flags & ~(kColumnDelta | kColumnRange)) != 0) return false;
  if (entry.scale != 0 && entry.scale != 3) return false;
  if (rows > kRowGroupRowsMax) return false;
  encoding_ = static_cast<ColumnEncoding>(entry.encoding);
  delta_ = (entry.flags & kColumnDelta) != 0;
  zigzag_ = delta_ || type == ColumnType::kSigned;
  width_ = entry.width;
  scale_ = entry.scale == 3 ? 1000 : 1;
  rows_left_ = rows;
  last_ = 0;
  packed_bit_ = 0;
  reader_ = ByteReader(bytes);
  if ((entry.flags & kColumnRange) != 0) static_cast<void>(reader_.take(sizeof(ColumnRange)));
  return reader_.ok() && open_encoding(rows);
}

void ColumnCursor::open_constant(std::uint64_t value, std::uint32_t rows) {
  encoding_ = ColumnEncoding::kConstant;
  zigzag_ = false;
  delta_ = false;
  scale_ = 1;
  base_ = value;
  rows_left_ = rows;
}

bool ColumnCursor::open_encoding(std::uint32_t rows) {
  switch (encoding_) {
    case ColumnEncoding::kConstant:
      base_ = reader_.varint();
      return reader_.ok() && reader_.remaining() == 0;
    case ColumnEncoding::kPacked:
      base_ = reader_.varint();
      return take_packed(reader_, rows, width_, packed_);
    case ColumnEncoding::kVarint:
      return true;
    case ColumnEncoding::kDictionary:
      return open_dictionary(rows);
    case ColumnEncoding::kSparse: {
      base_ = reader_.varint();
      const std::uint64_t exceptions = reader_.varint();
      exceptions_left_ = static_cast<std::uint32_t>(exceptions);
      exception_gap_ = exceptions > 0 ? reader_.varint() : 0;
      return reader_.ok() && exceptions <= rows;
    }
    default:
      return false;
  }
}

bool ColumnCursor::open_dictionary(std::uint32_t rows) {
  const std::uint64_t count = reader_.varint();
  if (count == 0 || count > rows || count > reader_.remaining()) return false;
  dictionary_.resize(count);
  std::uint64_t value = 0;
  for (std::uint64_t& entry : dictionary_) entry = value += reader_.varint();
  return take_packed(reader_, rows, width_, packed_);
}

bool ColumnCursor::next(std::span<std::uint64_t> out) {
  if (out.size() > rows_left_) return false;
  rows_left_ -= static_cast<std::uint32_t>(out.size());
  if (!next_encoded(out)) return false;
  undo_transforms(out);
  return true;
}

bool ColumnCursor::next_encoded(std::span<std::uint64_t> out) {
  switch (encoding_) {
    case ColumnEncoding::kConstant:
      std::ranges::fill(out, base_);
      return true;
    case ColumnEncoding::kPacked:
      unpack(packed_, packed_bit_, width_, out);
      packed_bit_ += out.size() * width_;
      for (std::uint64_t& value : out) value += base_;
      return true;
    case ColumnEncoding::kVarint:
      for (std::uint64_t& value : out) value = reader_.varint();
      return reader_.ok() && (rows_left_ > 0 || reader_.remaining() == 0);
    case ColumnEncoding::kDictionary:
      return next_dictionary(out);
    default:
      return next_sparse(out);
  }
}

bool ColumnCursor::next_dictionary(std::span<std::uint64_t> out) {
  unpack(packed_, packed_bit_, width_, out);
  packed_bit_ += out.size() * width_;
  if (largest(out) >= dictionary_.size()) return out.empty();
  for (std::uint64_t& value : out) value = dictionary_[value];
  return true;
}

bool ColumnCursor::next_sparse(std::span<std::uint64_t> out) {
  std::ranges::fill(out, base_);
  std::uint64_t row = 0;
  while (exceptions_left_ > 0 && exception_gap_ < out.size() - row) {
    row += exception_gap_;
    out[row++] = reader_.varint();
    exception_gap_ = --exceptions_left_ > 0 ? reader_.varint() : 0;
  }
  if (exceptions_left_ > 0) exception_gap_ -= out.size() - row;
  if (!reader_.ok()) return false;
  return rows_left_ > 0 || (exceptions_left_ == 0 && reader_.remaining() == 0);
}

void ColumnCursor::undo_transforms(std::span<std::uint64_t> out) {
  if (zigzag_) {
    for (std::uint64_t& value : out) value = unzigzag(value);
  }
  if (delta_) {
    for (std::uint64_t& value : out) value = last_ += value;
  }
  if (scale_ != 1) {
    for (std::uint64_t& value : out) value *= scale_;
  }
}

bool AddressCursor::open(const ColumnEntry& entry, Bytes bytes, std::uint32_t rows) {
  if (static_cast<ColumnType>(entry.type) != ColumnType::kAddress) return false;
  if (static_cast<ColumnEncoding>(entry.encoding) != ColumnEncoding::kAddresses) return false;
  if (entry.flags != 0 || entry.scale != 0 || rows > kRowGroupRowsMax) return false;
  width_ = entry.width;
  rows_left_ = rows;
  packed_bit_ = 0;
  ByteReader reader(bytes);
  const std::uint64_t v6_below = reader.varint();
  const std::uint64_t v4_count = reader.varint();
  const std::uint64_t v6_above = reader.varint();
  if (v6_below > rows || v4_count > rows || v6_above > rows || v6_below + v4_count + v6_above > rows)
    return false;
  dictionary_.clear();
  if (!take_v6(reader, v6_below, dictionary_)) return false;
  std::uint32_t v4 = 0;
  for (std::uint64_t i = 0; i < v4_count; ++i) {
    v4 += static_cast<std::uint32_t>(reader.varint());
    dictionary_.push_back(IpAddress::from_v4(v4));
  }
  return take_v6(reader, v6_above, dictionary_) && take_packed(reader, rows, width_, packed_);
}

void AddressCursor::open_missing(std::uint32_t rows) {
  dictionary_.assign(1, IpAddress{});
  packed_ = {};
  packed_bit_ = 0;
  width_ = 0;
  rows_left_ = rows;
}

bool AddressCursor::next(std::span<IpAddress> out) {
  if (out.size() > rows_left_) return false;
  rows_left_ -= static_cast<std::uint32_t>(out.size());
  indices_.resize(out.size());
  unpack(packed_, packed_bit_, width_, indices_);
  packed_bit_ += out.size() * width_;
  if (largest(indices_) >= dictionary_.size()) return out.empty();
  for (std::size_t row = 0; row < out.size(); ++row) out[row] = dictionary_[indices_[row]];
  return true;
}

}  // namespace tapline::storage
