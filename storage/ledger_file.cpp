#include "storage/ledger_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "storage/catalog.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kColumnCount = kLedgerColumnCount + kLedgerCounterCount;
constexpr std::uint32_t kGroupBytesMax =
    LedgerFileWriter::kGroupRows * 10 * kColumnCount + 64 * kColumnCount + sizeof(RowGroupHeader);
static_assert(kGroupBytesMax <= kBlockRawBytesMax);

/// First and last nanosecond of a second, within what TimeNs can say.
TimeNs first_ns_of(std::int64_t second) {
  constexpr std::int64_t kLimit = std::numeric_limits<TimeNs>::max() / kNsPerSecond;
  return std::clamp(second, -kLimit, kLimit) * kNsPerSecond;
}
TimeNs last_ns_of(std::int64_t second) {
  const TimeNs first_ns = first_ns_of(second);
  return first_ns > std::numeric_limits<TimeNs>::max() - kNsPerSecond ? std::numeric_limits<TimeNs>::max()
                                                                      : first_ns + kNsPerSecond - 1;
}

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
  Result<ContainerReader> container = open_listed(path);
  if (!container) return container.error();
  if (container->header().kind != kKindLedger) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: not a ledger file (kind {})", path, container->header().kind)};
  }
  Result<std::vector<BlockEntry>> groups = container->load_entries();
  if (!groups) return groups.error();
  return LedgerFileReader(std::move(*container), std::move(*groups));
}

Result<std::span<const LedgerRow>> LedgerFileReader::read_group(std::uint32_t number) {
  TAPLINE_CHECK(number < groups_.size());
  TAPLINE_TRY(container_.read_block(groups_[number], number, block_));
  Result<std::span<const LedgerRow>> rows = codec_.decode(block_.content);
  if (rows) return rows;
  return Error{rows.error().code,
               fmt::format("{}: group {}: {}", container_.path(), number, rows.error().context)};
}

Result<TimeNs> LedgerFileReader::complete_until_ns() {
  if (groups_.empty()) return std::numeric_limits<TimeNs>::min();
  const auto last = static_cast<std::uint32_t>(groups_.size() - 1);
  TAPLINE_TRY(container_.read_block(groups_[last], last, block_));
  const Result<RowGroupView> view = RowGroupView::parse(block_.content);
  if (!view) return Error{view.error().code, fmt::format("{}: {}", container_.path(), view.error().context)};
  return view->header().complete_until_ns;
}

Result<std::span<const LedgerRow>> LedgerFileReader::next() {
  while (next_group_ < groups_.size()) {
    const std::uint32_t group = next_group_;
    next_group_ = static_cast<std::uint32_t>(groups_.size());  // until this one was read
    Result<std::span<const LedgerRow>> rows = read_group(group);
    if (!rows) return rows;
    next_group_ = group + 1;
    complete_until_ns_ = std::max(complete_until_ns_, codec_.complete_until_ns());
    if (!rows->empty()) return rows;
  }
  return std::span<const LedgerRow>{};
}

}  // namespace tapline::storage
