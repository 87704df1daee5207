#include "storage/row_group_file_reader.hpp"

#include <fmt/core.h>

#include <limits>

#include "storage/catalog.hpp"
#include "storage/row_group.hpp"

namespace tapline::storage {

Result<RowGroupFileReader> RowGroupFileReader::open(const std::string& path, std::uint16_t kind) {
  Result<ContainerReader> container = open_listed(path);
  if (!container) return container.error();
  if (container->header().kind != kind) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: not a {} file (kind {})", path, kind == kKindLedger ? "ledger" : "session",
                             container->header().kind)};
  }
  Result<std::vector<BlockEntry>> groups = container->load_entries();
  if (!groups) return groups.error();
  return RowGroupFileReader(std::move(*container), std::move(*groups));
}

Result<TimeNs> RowGroupFileReader::complete_until_ns() {
  if (groups_.empty()) return std::numeric_limits<TimeNs>::min();
  const auto last = static_cast<std::uint32_t>(groups_.size() - 1);
  const Result<Bytes> group = load_group(last);
  if (!group) return group.error();
  const Result<RowGroupView> view = RowGroupView::parse(*group);
  if (!view) return group_error(last, view.error());
  return view->header().complete_until_ns;
}

Result<Bytes> RowGroupFileReader::load_group(std::uint32_t number) {
  TAPLINE_CHECK(number < groups_.size());
  TAPLINE_TRY(container_.read_block(groups_[number], number, block_));
  return Bytes(block_.content);
}

Error RowGroupFileReader::group_error(std::uint32_t number, const Error& error) const {
  return {error.code, fmt::format("{}: group {}: {}", container_.path(), number, error.context)};
}

}  // namespace tapline::storage
