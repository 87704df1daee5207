#include "storage/ledger_file.hpp"

#include <algorithm>
#include <limits>

#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kColumnCount = kLedgerColumnCount + kLedgerCounterCount;
constexpr std::uint32_t kGroupBytesMax =
    LedgerFileWriter::kGroupRows * 10 * kColumnCount + 64 * kColumnCount + sizeof(RowGroupHeader);
static_assert(kGroupBytesMax <= kBlockRawBytesMax);

}  // namespace

LedgerFileWriter::LedgerFileWriter(const RowGroupFileConfig& config)
    : files_(config, kKindLedger, kLedgerSuffix, kGroupBytesMax) {
  rows_.reserve(kGroupRows);
}

Status LedgerFileWriter::append(const LedgerRow& row) {
  if (rows_.size() == kGroupRows) TAPLINE_TRY(flush());
  rows_.push_back(row);
  return {};
}

Status LedgerFileWriter::flush() {
  if (rows_.empty()) return {};
  const auto [least, greatest] = std::ranges::minmax_element(rows_, {}, &LedgerRow::second);
  const TimeNs last_ns = last_ns_of(greatest->second);
  const RowGroupInfo info{static_cast<std::uint32_t>(rows_.size()), first_ns_of(least->second), last_ns,
                          last_ns};
  const Bytes group = codec_.encode(rows_, complete_until_ns_);
  rows_.clear();
  return files_.append(group, info);
}

Status LedgerFileWriter::finish() {
  TAPLINE_TRY(flush());
  return files_.finish();
}

Result<LedgerFileReader> LedgerFileReader::open(const std::string& path) {
  Result<RowGroupFileReader> file = RowGroupFileReader::open(path, kKindLedger);
  if (!file) return file.error();
  return LedgerFileReader(std::move(*file));
}

Result<std::span<const LedgerRow>> LedgerFileReader::read_group(std::uint32_t number) {
  const Result<Bytes> group = load_group(number);
  if (!group) return group.error();
  Result<std::span<const LedgerRow>> rows = codec_.decode(*group);
  if (!rows) return group_error(number, rows.error());
  return rows;
}

Result<std::span<const LedgerRow>> LedgerFileReader::next() {
  while (next_group_ < groups().size()) {
    const std::uint32_t group = next_group_;
    next_group_ = static_cast<std::uint32_t>(groups().size());  // until this one was read
    Result<std::span<const LedgerRow>> rows = read_group(group);
    if (!rows) return rows;
    next_group_ = group + 1;
    complete_until_ns_ = std::max(complete_until_ns_, codec_.complete_until_ns());
    if (!rows->empty()) return rows;
  }
  return std::span<const LedgerRow>{};
}

}  // namespace tapline::storage
