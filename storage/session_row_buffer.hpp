#pragma once
// SessionRowBuffer: session records on their way into a row group. Records are taken apart into columns as
// they come, so that nothing of them is kept twice. Fixed capacity, allocated at the start; one thread.

#include <span>
#include <vector>

#include "capture/packet/session_record.hpp"
#include "storage/row_group.hpp"
#include "storage/session_schema.hpp"

namespace tapline::storage {

class SessionRowBuffer {
 public:
  /// `rows_max`: 1..kRowGroupRowsMax.
  explicit SessionRowBuffer(std::uint32_t rows_max);

  /// The caller has checked full().
  void append(const SessionRecord& record);
  bool full() const { return rows_ == rows_max_; }
  std::uint32_t rows() const { return rows_; }

  /// Over the rows of now; without rows 0.
  TimeNs first_ns() const { return first_ns_; }            // least delta_first_ns
  TimeNs last_ns() const { return last_ns_; }              // greatest delta_last_ns
  TimeNs order_last_ns() const { return order_last_ns_; }  // greatest time of the first order key

  /// The rows as a row group, valid until the next call; the buffer is empty afterwards.
  Bytes take_group(TimeNs complete_until_ns);

 private:
  /// The cells of the row that is being appended. Passed on by value, so that it stays in registers: cells
  /// are written 87 times a record.
  struct Row {
    std::uint64_t* first;
    std::size_t stride;  // cells from column to column

    std::uint64_t& operator[](std::size_t column) const { return first[(column - 1) * stride]; }
  };

  void append_uid(Row row, const SessionRecord& record);
  static void append_times(Row row, const SessionRecord& record);
  static void append_counters(Row row, const FlowKey& key, std::uint16_t column,
                              std::uint16_t duplicates_column, const DirectionCounters& counters);
  static void append_details(Row row, std::uint16_t column, const DirectionState& state);
  static void append_tcp(Row row, const SessionRecord& record);
  static void append_signature(Row row, std::uint16_t column, const SynSignature& signature,
                               std::uint8_t ttl_foretold);

  std::uint32_t rows_max_;
  std::size_t stride_;  // cells from column to column
  std::uint32_t rows_ = 0;
  TimeNs first_ns_ = 0;
  TimeNs last_ns_ = 0;
  TimeNs order_last_ns_ = 0;
  std::vector<std::uint64_t> columns_;
  std::vector<IpAddress> addresses_a_;
  std::vector<IpAddress> addresses_b_;
  std::vector<std::uint8_t> uid_tails_;
  RowGroupBuilder builder_;
};

}  // namespace tapline::storage
