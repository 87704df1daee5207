#pragma once
// Columns: one field of many rows as bytes. Pure functions over memory; nothing here knows what a column
// means. The encoder chooses the encoding that is smallest (deterministic: the same values give the same
// bytes); cursors decode in batches, trust nothing, and never read outside the bytes they were given.
// Normative description: FORMAT.md, "Row groups". Objects belong to one thread and reuse their memory.

#include <cstdint>
#include <span>
#include <vector>

#include "capture/base/byte_reader.hpp"
#include "capture/base/byte_writer.hpp"
#include "capture/packet/flow_key.hpp"
#include "storage/column_distinct.hpp"
#include "storage/column_exceptions.hpp"

namespace tapline::storage {

inline constexpr std::uint32_t kRowGroupRowsMax = 65536;
inline constexpr unsigned kPackedBitsMax = 56;  // so that one unaligned 64-bit load holds any packed value

/// ColumnEntry::type. Integers travel as 64 bits; signed ones as their two's complement.
enum class ColumnType : std::uint8_t {
  kUnsigned = 1,
  kSigned = 2,
  kBytes = 3,    // ColumnEntry::width bytes a row
  kAddress = 4,  // IpAddress
};

/// ColumnEntry::encoding. Numbers are on disk and never reused.
enum class ColumnEncoding : std::uint8_t {
  kConstant = 0,  // one varint for all rows
  kPacked = 1,    // varint base, then value - base in `width` bits each
  kVarint = 2,    // one varint a row
  kDictionary =
      3,        // varint count, that many varints (ascending, as differences), then indices in `width` bits
  kSparse = 4,  // varint base, varint count of exceptions, then varint gap and varint value of each
  kFixed = 5,   // kBytes: the rows' bytes one after the other
  kAddresses = 6,  // kAddress: a dictionary, FORMAT.md, "Address columns"
};

/// ColumnEntry::flags. A reader that does not know a bit cannot read the column.
inline constexpr std::uint8_t kColumnDelta = 1
                                             << 0;  // differences to the row before (the first: to 0), zigzag
inline constexpr std::uint8_t kColumnRange = 1 << 1;  // 16 bytes of least and greatest value come first

/// One column in the directory of a row group.
struct ColumnEntry {
  std::uint16_t number;  // of the schema, never reused
  std::uint8_t type;
  std::uint8_t encoding;
  std::uint8_t flags;
  std::uint8_t width;  // bits or bytes, by encoding
  std::uint8_t scale;  // values were divided by 10^scale: 0 or 3
  std::uint8_t reserved_1;
  std::uint32_t bytes;
  std::uint32_t reserved_2;
};
static_assert(sizeof(ColumnEntry) == 16);

/// An address as two integers, which sort as its bytes do and are quicker to compare.
struct AddressWords {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const AddressWords&, const AddressWords&) = default;
};

struct ColumnRange {
  std::int64_t least = 0;
  std::int64_t greatest = 0;
};

inline std::uint64_t zigzag(std::uint64_t value) {
  return (value << 1) ^ (0 - (value >> 63));
}
inline std::uint64_t unzigzag(std::uint64_t value) {
  return (value >> 1) ^ (0 - (value & 1));
}

/// Decodes one integer column from front to back.
class ColumnCursor {
 public:
  /// `bytes` must outlive the cursor. False where the entry is not a readable integer column.
  bool open(const ColumnEntry& entry, Bytes bytes, std::uint32_t rows);
  /// `rows` times the same value: a column that a file does not have.
  void open_constant(std::uint64_t value, std::uint32_t rows);
  /// The next out.size() values; false where the column is damaged or has fewer rows.
  bool next(std::span<std::uint64_t> out);
  /// All rows have the same value, so that a caller may decode one batch and keep it.
  bool constant() const { return encoding_ == ColumnEncoding::kConstant && !delta_; }

 private:
  bool open_encoding(std::uint32_t rows);
  bool open_dictionary(std::uint32_t rows);
  bool next_encoded(std::span<std::uint64_t> out);
  bool next_dictionary(std::span<std::uint64_t> out);
  bool next_sparse(std::span<std::uint64_t> out);
  void undo_transforms(std::span<std::uint64_t> out);

  ColumnEncoding encoding_ = ColumnEncoding::kConstant;
  bool zigzag_ = false;
  bool delta_ = false;
  std::uint8_t width_ = 0;
  std::uint64_t scale_ = 1;
  std::uint32_t rows_left_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t last_ = 0;  // value of the row before, for differences
  ByteReader reader_{Bytes{}};
  Bytes packed_;  // kPacked, kDictionary: the bits
  std::uint64_t packed_bit_ = 0;
  std::vector<std::uint64_t> dictionary_;
  std::uint32_t exceptions_left_ = 0;
  std::uint64_t exception_gap_ = 0;  // rows before the next exception
};

/// Decodes one address column from front to back.
class AddressCursor {
 public:
  /// As ColumnCursor::open().
  bool open(const ColumnEntry& entry, Bytes bytes, std::uint32_t rows);
  /// `rows` times the address ::, for a column that a file does not have.
  void open_missing(std::uint32_t rows);
  bool next(std::span<IpAddress> out);

 private:
  std::vector<IpAddress> dictionary_;
  std::vector<std::uint64_t> indices_;
  Bytes packed_;
  std::uint64_t packed_bit_ = 0;
  std::uint8_t width_ = 0;
  std::uint32_t rows_left_ = 0;
};

/// What the caller knows about an integer column that is worth trying.
struct ColumnHints {
  bool scale = false;  // times: multiples of 1000 where the capture had microseconds
  bool delta = false;  // values near those of the row before
  bool range = false;  // readers prune by it: write kColumnRange
};

/// Encodes columns of 1 to kRowGroupRowsMax rows: fills in encoding, flags, width, scale and bytes of the
/// entry, whose number and type are the caller's, and appends the column to `out`. Allocates only until its
/// buffers have grown.
class ColumnEncoder {
 public:
  /// `values` is used as scratch space.
  void encode(ColumnEntry& entry, std::span<std::uint64_t> values, ColumnHints hints, ByteBuffer& out);
  void encode_addresses(ColumnEntry& entry, std::span<const IpAddress> values, ByteBuffer& out);
  /// `bytes` holds `width` bytes a row.
  static void encode_bytes(ColumnEntry& entry, Bytes bytes, std::uint8_t width, ByteBuffer& out);

 private:
  /// An encoding and the bytes it takes.
  struct Choice {
    ColumnEncoding encoding = ColumnEncoding::kVarint;
    unsigned width = 0;
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
  };

  /// `mostly_zero`: exceptions_ holds those to 0. Afterwards what write() needs of the choice is in
  /// exceptions_ or distinct_.
  Choice choose(std::span<const std::uint64_t> values, bool mostly_zero);
  /// False where there are too many for a sparse column to be shortest.
  bool find_exceptions(std::span<const std::uint64_t> values, std::uint64_t base);
  static void try_varint(std::span<const std::uint64_t> values, unsigned bits_max, Choice& best);
  void try_sparse(std::uint64_t base, Choice& best);
  void try_dictionary(std::span<const std::uint64_t> values, Choice& best);
  void write(const Choice& choice, std::span<const std::uint64_t> values, ByteBuffer& out);
  void set_deltas(std::span<const std::uint64_t> values);

  std::vector<std::uint64_t> deltas_;
  Exceptions exceptions_;
  DistinctValues<std::uint64_t> distinct_;
  std::vector<AddressWords> address_words_;
  DistinctValues<AddressWords> distinct_addresses_;
};

}  // namespace tapline::storage
